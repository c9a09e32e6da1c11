"""Which side of a car a photo shows, at which angle, with which parts and pixels."""

__version__ = "0.1.0"
