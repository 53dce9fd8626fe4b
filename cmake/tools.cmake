# Targets that check or rewrite source files: rules, format, format-check, tidy.
