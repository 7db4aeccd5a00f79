"""Publishing: a saved model, its card and its figures, from here to the Hub."""
