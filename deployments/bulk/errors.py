"""Why a bulk run cannot begin, as one type of error."""


class BulkError(Exception):
    """The message says what is wrong and, where something helps, what to do."""
