"""Models of the Hugging Face Hub: found by name, fetched at one commit, looked at without their weights."""
