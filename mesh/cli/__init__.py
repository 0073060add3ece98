"""Command lines for people: `meshctl`. They parse, call, and print; the work is done elsewhere."""
