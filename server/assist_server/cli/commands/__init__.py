"""One file a command: read the arguments, call one feature, hand the result to output."""
