"""What the cameras see and miss."""
