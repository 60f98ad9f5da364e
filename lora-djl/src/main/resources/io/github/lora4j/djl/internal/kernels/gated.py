# Gated feed-forward (Shazeer 2020): a = act(gate) * up, both (N, F). act: a name of Activation in small letters.

def activate(self: __torch__.K, z: Tensor, act: str) -> Tensor:
  if act == "silu":
    return torch.silu(z)
  elif act == "gelu_tanh":
    return torch.gelu(z, approximate="tanh")
  elif act == "gelu":
    return torch.gelu(z, approximate="none")
  return torch.relu(z)

def activate_backward(self: __torch__.K, dy: Tensor, z: Tensor, act: str) -> Tensor:
  if act == "silu":
    return torch.silu_backward(dy, z)
  elif act == "gelu_tanh":
    return torch.gelu_backward(dy, z, approximate="tanh")
  elif act == "gelu":
    return torch.gelu_backward(dy, z, approximate="none")
  return torch.threshold_backward(dy, z, 0)

def gated_forward(self: __torch__.K, gate: Tensor, up: Tensor, act: str) -> Tensor:
  return self.activate(gate, act).mul_(up)

# Returns the gradients of gate and up.
def gated_backward(self: __torch__.K, da: Tensor, gate: Tensor, up: Tensor, act: str) -> Tuple[Tensor, Tensor]:
  dgate = self.activate_backward(torch.mul(da, up), gate, act)
  return dgate, self.activate(gate, act).mul_(da)
