"""What training cannot do, as one type of error."""


class TrainingError(Exception):
    """The message says what is wrong and, where something helps, what to do."""
