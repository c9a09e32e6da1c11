"""Answers in the words of other tools, so that a team can mend them and learn from them.

Of the answer as it goes over HTTP, so that a client makes the same of it as the library; nothing
here but what is asked of `supervision` needs more than Python.
"""
