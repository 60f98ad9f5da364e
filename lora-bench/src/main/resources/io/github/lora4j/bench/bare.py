# What a layer cannot do without, bare: the yardstick of MachineRates and of the benchmarks beside the layers.

def random(self: __torch__.K, shape: List[int], dtype: int) -> Tensor:
  return torch.randn(shape, dtype=6, layout=None, device=torch.device("cpu"), pin_memory=False).to(dtype)

# x wᵀ by libtorch's own choice of matrix library, and by oneDNN. x: (N, in), w: (out, in).
def product(self: __torch__.K, x: Tensor, w: Tensor) -> Tensor:
  return torch.mm(x, torch.t(w))

def product_onednn(self: __torch__.K, x: Tensor, w: Tensor) -> Tensor:
  scalars = annotate(List[Optional[number]], [])
  return ops.mkldnn._linear_pointwise(x, w, None, "none", scalars, None)

# dy w, the gradient of x.
def product_backward(self: __torch__.K, dy: Tensor, w: Tensor) -> Tensor:
  return torch.mm(dy, w)

# (q kᵀ) v without a softmax. q, k, v: (B H, T, D/H).
def attention_products(self: __torch__.K, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
  return torch.bmm(torch.bmm(q, torch.transpose(k, 1, 2)), v)

def copy(self: __torch__.K, x: Tensor) -> Tensor:
  return torch.clone(x, memory_format=None)

def read_sum(self: __torch__.K, x: Tensor) -> Tensor:
  return torch.sum(x)

def read_dot(self: __torch__.K, x: Tensor) -> Tensor:
  half = x.size(0) // 2
  return torch.dot(x.narrow(0, 0, half), x.narrow(0, half, half))
