"""One query file for each grammar; see `assist_context.syntax.grammars`."""
