"""Where context for a place comes from: each module gives pieces of code of one kind, with scores from 0 to 1."""
