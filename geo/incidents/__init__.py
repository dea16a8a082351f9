"""Incidents: density, rates, surfaces, hot spots, trends, repeats, alerts, forecasts and risk."""
