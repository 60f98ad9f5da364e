# In the place of onednn.py where libtorch was built without it.

def onednn_present(self: __torch__.K) -> bool:
  return False

def onednn_bf16(self: __torch__.K) -> bool:
  return False

def onednn_product(self: __torch__.K, x: Tensor, weight: Tensor) -> Tensor:
  return torch.mm(x, weight.t())
