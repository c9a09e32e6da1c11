"""Mask R-CNN as Detectron2 builds it: our architectures, and embedded weights back in them.

Imports torch and Detectron2: only what runs or trains such a network imports it.
"""
