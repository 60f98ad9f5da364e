# Feed-forward layers. act: a name of Activation in small letters.

def activate(self: __torch__.K, z: Tensor, act: str) -> Tensor:
  if act == "silu":
    return torch.silu(z)
  elif act == "gelu_tanh":
    return torch.gelu(z, approximate="tanh")  # Hendrycks and Gimpel 2016
  elif act == "gelu":
    return torch.gelu(z, approximate="none")
  return torch.relu(z)

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

# Returns the gradients of gate and up.
def gated_backward(self: __torch__.K, da: Tensor, gate: Tensor, up: Tensor, act: str) -> Tuple[Tensor, Tensor]:
  dup = self.activate(gate, act).mul_(da)
  return self.activate_backward(torch.mul(da, up), gate, act), dup

# The same with gate and up as the two halves of one map's output, z: (N, 2 F).
def fused_gate_forward(self: __torch__.K, z: Tensor, act: str) -> Tensor:
  gate, up = torch.chunk(z, 2, 1)
  return self.gated_forward(gate, up, act)

def fused_gate_backward(self: __torch__.K, da: Tensor, z: Tensor, act: str) -> Tensor:
  gate, up = torch.chunk(z, 2, 1)
  dgate, dup = self.gated_backward(da, gate.contiguous(), up, act)
  return torch.cat([dgate, dup], 1)
