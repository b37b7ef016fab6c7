"""The formats that people outside the code meet, each defined once as a pydantic document."""
