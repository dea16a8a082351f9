"""How areas are governed: roll-up by level, and how well appeals are served."""
