"""Where tensors are: float64 on devices that may lack it, and this process among all."""
