# Linear maps by a frozen matrix. x: (N, in), weight: (out, in), y: (N, out). A matrix is used as it is where it is stored in the type of x,
# and converted a block of rows at a time where it is not, so that no second copy of it is ever whole. Rows of int8 carry one scale each
# (scales: one tensor (out) in fp32, else none). onednn: which of libtorch's two libraries multiplies fp32 on the CPU.

def frozen_rows(self: __torch__.K, weight: Tensor, scales: List[Tensor], start: int, count: int, dtype: int) -> Tensor:
  rows = weight.narrow(0, start, count)
  if len(scales) == 0:
    return rows.to(dtype)
  scale = scales[0].narrow(0, start, count).unsqueeze(1)
  if dtype == 15:
    return torch.mul(rows, scale.to(15))
  return rows.to(6).mul_(scale).to(dtype)

# The rows of some indices.
def frozen_at(self: __torch__.K, weight: Tensor, scales: List[Tensor], at: Tensor, dtype: int) -> Tensor:
  rows = torch.index_select(weight, 0, at)
  if len(scales) == 0:
    return rows.to(dtype)
  return self.frozen_rows(rows, [torch.index_select(scales[0], 0, at)], 0, rows.size(0), dtype)

# Rows in a block of 8 million elements: large enough for a product to reach its speed, small beside a model.
def block_rows(self: __torch__.K, weight: Tensor) -> int:
  return max(1, min(weight.size(0), 8388608 // weight.size(1)))

# A product of few rows takes as long as reading the weight. On a CPU the order of the operands decides how fast that is: measured with
# libtorch 2.7 on x86-64, the matrix-vector product is best for one row (oneDNN's own in bf16), and for some more the weight as the left operand
# (up to a third faster), but for half-precision weights only where they are not wider than high.
def is_few(self: __torch__.K, x: Tensor) -> bool:
  return not x.is_cuda and x.size(0) <= 32

def weight_first(self: __torch__.K, x: Tensor, weight: Tensor) -> bool:
  if x.dtype == 6:
    return x.size(0) == 1 or x.size(0) > 3
  return weight.size(0) >= weight.size(1)

def one_half_row(self: __torch__.K, x: Tensor) -> bool:
  return x.size(0) == 1 and x.dtype == 15 and self.onednn_bf16()

def few_rows(self: __torch__.K, x: Tensor, weight: Tensor) -> Tensor:
  if self.one_half_row(x):
    return self.onednn_product(x, weight)
  if not self.weight_first(x, weight):
    return torch.mm(x, weight.t())
  if x.size(0) == 1:
    return torch.mv(weight, x[0]).unsqueeze(0)
  return torch.mm(weight, x.t()).t().contiguous()

def few_rows_bias(self: __torch__.K, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
  if self.one_half_row(x):
    return self.onednn_product(x, weight).add_(bias)
  if not self.weight_first(x, weight):
    return torch.addmm(bias, x, weight.t())
  if x.size(0) == 1:
    return torch.addmv(bias.view([-1]), weight, x[0]).unsqueeze(0)
  column = bias.t() if bias.dim() == 2 else bias.unsqueeze(1)
  return torch.addmm(column, weight, x.t()).t().contiguous()

def product(self: __torch__.K, x: Tensor, weight: Tensor, onednn: bool) -> Tensor:
  if onednn and x.dtype == 6:
    return self.onednn_product(x, weight)
  if self.is_few(x):
    return self.few_rows(x, weight)
  return torch.mm(x, weight.t())

def product_backward(self: __torch__.K, dy: Tensor, weight: Tensor, onednn: bool) -> Tensor:
  if onednn and dy.dtype == 6:
    return self.onednn_product(dy, weight.t())
  return torch.mm(dy, weight)

# On the CPU libtorch multiplies int8 rows by bf16 as they are: for few rows of x faster than by a bf16 matrix, which is twice as long to
# read, for more than some 20 slower than dequantising; by fp32 it does so element by element. Its vector loop has no tail: a width that is not a multiple of the
# vector's would be read beyond its end.
def packed(self: __torch__.K, x: Tensor, weight: Tensor) -> bool:
  return weight.dtype == 1 and x.dtype == 15 and not x.is_cuda and x.size(0) <= 16 and x.size(1) % 32 == 0

def frozen_forward(self: __torch__.K, x: Tensor, weight: Tensor, scales: List[Tensor], onednn: bool) -> Tensor:
  if weight.dtype == x.dtype:
    return self.product(x, weight, onednn)
  if self.packed(x, weight):
    return torch._weight_int8pack_mm(x.contiguous(), weight, scales[0].to(x.dtype))
  n = weight.size(0)
  block = self.block_rows(weight)
  if block == n:
    return self.product(x, self.frozen_rows(weight, scales, 0, n, x.dtype), onednn)
  y = torch.empty([x.size(0), n], dtype=x.dtype, layout=None, device=x.device)
  start = 0
  while start < n:
    count = min(block, n - start)
    y.narrow(1, start, count).copy_(self.product(x, self.frozen_rows(weight, scales, start, count, x.dtype), onednn))
    start = start + count
  return y

# bias: (out), or (N, out) where every row has its own
def frozen_forward_bias(self: __torch__.K, x: Tensor, weight: Tensor, scales: List[Tensor], onednn: bool, bias: Tensor) -> Tensor:
  if weight.dtype == x.dtype and not onednn:
    if self.is_few(x):
      return self.few_rows_bias(x, weight, bias.to(x.dtype))
    return torch.addmm(bias.to(x.dtype), x, weight.t())
  return self.frozen_forward(x, weight, scales, onednn).add_(bias.to(x.dtype))

# dy weight; blocks are summed in fp32.
def frozen_backward(self: __torch__.K, dy: Tensor, weight: Tensor, scales: List[Tensor], onednn: bool) -> Tensor:
  if weight.dtype == dy.dtype:
    return self.product_backward(dy, weight, onednn)
  n = weight.size(0)
  block = self.block_rows(weight)
  if block == n:
    return self.product_backward(dy, self.frozen_rows(weight, scales, 0, n, dy.dtype), onednn)
  dx = torch.zeros([dy.size(0), weight.size(1)], dtype=6, layout=None, device=dy.device)
  start = 0
  while start < n:
    count = min(block, n - start)
    dx.add_(self.product_backward(dy.narrow(1, start, count), self.frozen_rows(weight, scales, start, count, dy.dtype), onednn))
    start = start + count
  return dx.to(dy.dtype)

def add_bias(self: __torch__.K, y: Tensor, start: int, count: int, bias: Tensor) -> Tensor:
  return y.narrow(0, start, count).add_(bias.to(y.dtype))

# A matrix that an adapter trains whole: dw += dyᵀ x, summed in fp32.
def weight_backward(self: __torch__.K, dy: Tensor, x: Tensor, dw: Tensor) -> Tensor:
  if dy.dtype == 6:
    return dw.addmm_(dy.t(), x)
  return dw.add_(torch.mm(dy.t(), x).to(6))

# Whether rows of a frozen matrix have given values, (count, in) in fp32, once they are stored as it is: 1 or 0.
def holds_rows(self: __torch__.K, weight: Tensor, scales: List[Tensor], start: int, given: Tensor) -> Tensor:
  stored = weight.narrow(0, start, given.size(0))
  if len(scales) == 0:
    same = torch.eq(stored, given.to(stored.device, stored.dtype)).all()
  else:
    values = torch.empty_like(stored)
    own = torch.empty([given.size(0)], dtype=6, layout=None, device=given.device)
    self.place_int8(values, own, given, 0)
    close = (torch.eq(stored, values).all(), torch.eq(scales[0].narrow(0, start, given.size(0)), own).all())
    same = torch.logical_and(close[0], close[1])
  return same.to(6).view([1])

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

# u = drop(x) aᵀ: (count, r).
def low_rank_inner(self: __torch__.K, x: Tensor, start: int, count: int, a: Tensor, p: float, seed: int) -> Tensor:
  xs = x.narrow(0, start, count)
  if p > 0.0:
    xs = xs * self.dropout_mask(xs, p, seed)
  return torch.mm(xs, a.to(x.dtype).t())

# y[start : start+count] += scale * (drop(x) aᵀ) bᵀ, in place. Returns u = drop(x) aᵀ: (count, r), which backward needs.
# a: (r, in) and b: (out, r) are fp32 masters; the products run in the type of x.
def low_rank_forward(self: __torch__.K, y: Tensor, x: Tensor, start: int, count: int, a: Tensor, b: Tensor, scale: float, p: float, seed: int) -> Tensor:
  u = self.low_rank_inner(x, start, count, a, p, seed)
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
