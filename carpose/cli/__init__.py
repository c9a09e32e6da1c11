"""The command `carpose`: a verb a module. What verbs import, they import when they run, so that
help, completion and words on a mistake are there at once."""
