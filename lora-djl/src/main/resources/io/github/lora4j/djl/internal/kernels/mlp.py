# BLOOM's activation: the tanh form of GELU (Hendrycks and Gimpel 2016).

def gelu_forward(self: __torch__.K, z: Tensor) -> Tensor:
  return torch.gelu(z, approximate="tanh")

# In place: dy becomes dz.
def gelu_backward(self: __torch__.K, dy: Tensor, z: Tensor) -> Tensor:
  return torch.gelu_backward(dy, z, approximate="tanh", grad_input=dy)
