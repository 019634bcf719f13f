"""What a parser knows of a file: its definitions, what it refers to, what it imports."""
