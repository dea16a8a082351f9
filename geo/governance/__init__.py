"""How areas are governed: roll-up by level, and how well service requests are answered."""
