"""What a camera sees: buildings, terrain and camera parameters to visible ground."""
