//! What the command line, the file and the defaults come to.
