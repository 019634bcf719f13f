"""Where an import leads, by the rules of each language; one file a family of languages."""
