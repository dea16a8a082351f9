"""Interactive maps that need nothing from the internet."""
