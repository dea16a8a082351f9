"""The FastAPI service: maps, data and health over HTTP."""
