# Linear maps. x: (N, in), weight: (out, in), y: (N, out). Weights may be stored in another type than x: they are cast here.

def linear(self: __torch__.K, x: Tensor, weight: Tensor) -> Tensor:
  if self.is_few(x):
    return self.few_rows(x, weight.to(x.dtype))
  return torch.mm(x, weight.to(x.dtype).t())

# bias: (out), or (N, out) where every row has its own
def linear_bias(self: __torch__.K, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
  if self.is_few(x):
    return self.few_rows_bias(x, weight.to(x.dtype), bias.to(x.dtype))
  return torch.addmm(bias.to(x.dtype), x, weight.to(x.dtype).t())

# A product of few rows takes as long as reading the weight. On a CPU the order of the operands decides how fast that is: measured with
# libtorch 2.7 on x86-64, the matrix-vector product is best for one row, and for some more the weight as the left operand (up to a third
# faster), but for half-precision weights only where they are not wider than high.
def is_few(self: __torch__.K, x: Tensor) -> bool:
  return not x.is_cuda and x.size(0) <= 32

def weight_first(self: __torch__.K, x: Tensor, weight: Tensor) -> bool:
  if x.dtype == 6:
    return x.size(0) == 1 or x.size(0) > 3
  return weight.size(0) >= weight.size(1)

def few_rows(self: __torch__.K, x: Tensor, weight: Tensor) -> Tensor:
  if not self.weight_first(x, weight):
    return torch.mm(x, weight.t())
  if x.size(0) == 1:
    return torch.mv(weight, x[0]).unsqueeze(0)
  return torch.mm(weight, x.t()).t().contiguous()

def few_rows_bias(self: __torch__.K, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
  if not self.weight_first(x, weight):
    return torch.addmm(bias, x, weight.t())
  if x.size(0) == 1:
    return torch.addmv(bias.view([-1]), weight, x[0]).unsqueeze(0)
  column = bias.t() if bias.dim() == 2 else bias.unsqueeze(1)
  return torch.addmm(column, weight, x.t()).t().contiguous()

def linear_backward(self: __torch__.K, dy: Tensor, weight: Tensor) -> Tensor:
  return torch.mm(dy, weight.to(dy.dtype))

def add_bias(self: __torch__.K, y: Tensor, start: int, count: int, bias: Tensor) -> Tensor:
  return y.narrow(0, start, count).add_(bias.to(y.dtype))

# A counter-based generator: element i of a mask depends on (seed, i) alone, so that the backward pass makes the
# same mask again instead of keeping it, and a resumed run the same as an uninterrupted one. The mixing function is
# the 32-bit finaliser of MurmurHash3, in 64-bit arithmetic because torch's integers are signed.
def dropout_mask(self: __torch__.K, like: Tensor, p: float, seed: int) -> Tensor:
  n = like.size(0)
  width = like.size(1)
  out = torch.empty([n, width], dtype=like.dtype, layout=None, device=like.device)
  keep = 1.0 / (1.0 - p)
  threshold = int(p * 4294967296.0)
  rows = max(1, 1048576 // width)
  start = 0
  while start < n:
    count = min(rows, n - start)
    h = torch.arange(start * width, (start + count) * width, dtype=4, layout=None, device=like.device)
    h = torch.bitwise_and(h * 2654435761, 4294967295)
    h = torch.bitwise_xor(h, h >> 15)
    h = torch.bitwise_and(h + seed, 4294967295)
    h = torch.bitwise_xor(h, h >> 16)
    h = torch.bitwise_and(h * 2246822507, 4294967295)
    h = torch.bitwise_xor(h, h >> 13)
    h = torch.bitwise_and(h * 3266489909, 4294967295)
    h = torch.bitwise_xor(h, h >> 16)
    out.narrow(0, start, count).copy_(torch.ge(h, threshold).view([count, width]).to(like.dtype).mul_(keep))
    start = start + count
  return out

# y[start : start+count] += scale * (drop(x) aᵀ) bᵀ, in place. Returns u = drop(x) aᵀ: (count, r), which backward needs.
# a: (r, in) and b: (out, r) are fp32 masters; the products run in the type of x.
def low_rank_forward(self: __torch__.K, y: Tensor, x: Tensor, start: int, count: int, a: Tensor, b: Tensor, scale: float, p: float, seed: int) -> Tensor:
  xs = x.narrow(0, start, count)
  if p > 0.0:
    xs = xs * self.dropout_mask(xs, p, seed)
  u = torch.mm(xs, a.to(x.dtype).t())
  y.narrow(0, start, count).addmm_(u, b.to(x.dtype).t(), beta=1.0, alpha=scale)
  return u

# With g = dy b: da += scale * gᵀ drop(x), db += scale * dyᵀ u, dx += mask * scale * g a (where dx is wanted).
def low_rank_backward(self: __torch__.K, dy: Tensor, x: Tensor, u: Tensor, start: int, count: int, a: Tensor, b: Tensor, da: Tensor, db: Tensor, scale: float, p: float, seed: int, dx: List[Tensor]) -> Tensor:
  dys = dy.narrow(0, start, count)
  xs = x.narrow(0, start, count)
  g = torch.mm(dys, b.to(dy.dtype))
  db.add_(torch.mm(dys.t(), u).to(6), alpha=scale)
  if p > 0.0:
    mask = self.dropout_mask(xs, p, seed)
    da.add_(torch.mm(g.t(), xs * mask).to(6), alpha=scale)
    if len(dx) > 0:
      dx[0].narrow(0, start, count).addcmul_(torch.mm(g, a.to(dy.dtype)), mask, value=scale)
  else:
    da.add_(torch.mm(g.t(), xs).to(6), alpha=scale)
    if len(dx) > 0:
      dx[0].narrow(0, start, count).addmm_(g, a.to(dy.dtype), beta=1.0, alpha=scale)
  return g
