"""From a document and a place to the tokens a model reads."""
