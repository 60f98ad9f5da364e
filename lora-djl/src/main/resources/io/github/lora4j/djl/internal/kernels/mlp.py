# Feed-forward layers. act: a name of Activation in small letters.

def activate(self: __torch__.K, z: Tensor, act: str) -> Tensor:
  if act == "silu":
    return torch.silu(z)
  elif act == "gelu_tanh":
    return torch.gelu(z, approximate="tanh")  # Hendrycks and Gimpel 2016
  elif act == "gelu":
    return torch.gelu(z, approximate="none")
  return torch.relu(z)

# In place, where z is not needed any more.
def activate_in_place(self: __torch__.K, z: Tensor, act: str) -> Tensor:
  if act == "silu":
    return torch.silu(z, out=z)
  elif act == "gelu_tanh":
    return torch.gelu(z, approximate="tanh", out=z)
  elif act == "gelu":
    return torch.gelu(z, approximate="none", out=z)
  return torch.relu_(z)

# In place: dy becomes dz.
def activate_backward(self: __torch__.K, dy: Tensor, z: Tensor, act: str) -> Tensor:
  if act == "silu":
    return torch.silu_backward(dy, z, grad_input=dy)
  elif act == "gelu_tanh":
    return torch.gelu_backward(dy, z, approximate="tanh", grad_input=dy)
  elif act == "gelu":
    return torch.gelu_backward(dy, z, approximate="none", grad_input=dy)
  return torch.threshold_backward(dy, z, 0, grad_input=dy)

# Gated (Shazeer 2020): a = act(gate) * up, both (N, F).
def gated_forward(self: __torch__.K, gate: Tensor, up: Tensor, act: str) -> Tensor:
  return self.activate(gate, act).mul_(up)

# The same in the memory of gate, where it is not needed any more.
def gated_in_place(self: __torch__.K, gate: Tensor, up: Tensor, act: str) -> Tensor:
  return self.activate_in_place(gate, act).mul_(up)

# Returns the gradient of up; da becomes that of gate.
def gated_backward(self: __torch__.K, da: Tensor, gate: Tensor, up: Tensor, act: str) -> Tensor:
  dup = self.activate(gate, act).mul_(da)
  self.activate_backward(da.mul_(up), gate, act)
  return dup

# The same with gate and up as the two halves of one map's output, z: (N, 2 F).
def fused_gate_forward(self: __torch__.K, z: Tensor, act: str) -> Tensor:
  gate, up = torch.chunk(z, 2, 1)
  return self.gated_forward(gate, up, act)

# da is overwritten.
def fused_gate_backward(self: __torch__.K, da: Tensor, z: Tensor, act: str) -> Tensor:
  gate, up = torch.chunk(z, 2, 1)
  dup = self.gated_backward(da, gate.contiguous(), up, act)
  return torch.cat([da, dup], 1)
