# Cross-entropy without logits. x: (M, D), only rows that carry a label; weight, scales, onednn: the frozen table (V, D); bias: (V) fp32, or none; targets: (M) int64; weights: (M) fp64.
# z = x weightᵀ + bias; loss = sum(weights * (logsumexp(z) - z[target])); dz = weights * (softmax(z) - onehot(target)); dx = dz weight.
# dx is attention of x over the rows of the table, so it is computed as flash attention is (Dao et al. 2022): block by block of the vocabulary,
# with a running normaliser. A block of logits is used while it is in the processor's cache, and the table is read once for both products.
# The target stays out of the sums, since softmax - 1 of a confident row would cancel: dz[target] = -(sum of the others) / (sum of all).

def head_loss(self: __torch__.K, x: Tensor, weight: Tensor, scales: List[Tensor], onednn: bool, bias: List[Tensor], targets: Tensor, weights: Tensor, chunk: int, words: int, want_gradient: bool) -> Tuple[Tensor, Tensor]:
  n = x.size(0)
  dx = torch.empty_like(x) if want_gradient else x
  loss = torch.zeros([1], dtype=7, layout=None, device=x.device)
  start = 0
  while start < n:
    count = min(chunk, n - start)
    part = self.head_rows(x.narrow(0, start, count), weight, scales, onednn, bias, targets.narrow(0, start, count), weights.narrow(0, start, count), loss, words, want_gradient)
    if want_gradient:
      dx.narrow(0, start, count).copy_(part)
    start = start + count
  return loss, dx

# Adds to the loss, so many words of the vocabulary at a time; returns dx in fp32, or zeros if it is not wanted.
def head_rows(self: __torch__.K, x: Tensor, weight: Tensor, scales: List[Tensor], onednn: bool, bias: List[Tensor], targets: Tensor, weights: Tensor, loss: Tensor, words: int, want_gradient: bool) -> Tensor:
  own = self.frozen_at(weight, scales, targets, x.dtype).to(6)
  wanted = (x.to(6) * own).sum([1], True)
  if len(bias) > 0:
    wanted.add_(torch.index_select(bias[0], 0, targets).view([-1, 1]))
  shift = wanted.clone()
  others = torch.zeros_like(wanted)
  dx = torch.zeros([x.size(0), x.size(1)], dtype=6, layout=None, device=x.device)
  start = 0
  while start < weight.size(0):
    count = min(words, weight.size(0) - start)
    block = self.frozen_rows(weight, scales, start, count, x.dtype)
    z = self.product(x, block, onednn)
    if len(bias) > 0:
      z.add_(bias[0].narrow(0, start, count))
    self.leave_out(z, targets.view([-1, 1]) - start)
    self.exponentials(z, shift, others, dx)
    if want_gradient:
      dx.add_(self.product_backward(z, block, onednn))
    start = start + count
  all = others + (wanted - shift).exp()
  loss.add_(((shift + all.log() - wanted).to(7) * weights.view([-1, 1])).sum())
  if want_gradient:
    dx.sub_(own.mul_(others)).mul_((weights.view([-1, 1]) / all.to(7)).to(6))
  return dx

# -inf where a row's target stands in this block; at: (M, 1), place of the target counted from the block's start.
def leave_out(self: __torch__.K, z: Tensor, at: Tensor) -> Tensor:
  inside = torch.clamp(at, 0, z.size(1) - 1)
  return z.scatter_(1, inside, z.gather(1, inside).masked_fill(torch.eq(at, inside), -inf))

# z becomes exp(z - shift), others grows by its sums. The shift of a row need not be its largest logit, only near enough for exp not to overflow:
# where the sum exceeds exp(40), shift, sums and dx move up. In fp16, whose largest number is small, whenever a logit exceeds the shift; on a GPU too,
# since asking would wait for the device.
def exponentials(self: __torch__.K, z: Tensor, shift: Tensor, others: Tensor, dx: Tensor) -> Tensor:
  n = z.size(0)
  piece = n if z.is_cuda else max(1, 262144 // z.size(1))
  always = z.is_cuda or z.dtype == 5
  start = 0
  while start < n:
    count = min(piece, n - start)
    part = z.narrow(0, start, count)
    base = shift.narrow(0, start, count)
    sums = others.narrow(0, start, count)
    rows = dx.narrow(0, start, count)
    d = torch.sub(part, base) if z.dtype == 6 else part.to(6).sub_(base)
    if always:
      self.raise_shift(d, base, sums, rows)
    p = self.exponential_into(part, d)
    added = p.sum([1], True)
    if not always and bool(torch.gt(added, 2.3538526e17).any()):
      self.raise_shift(d, base, sums, rows)
      p = self.exponential_into(part, d)
      added = p.sum([1], True)
    sums.add_(added)
    if z.dtype != 6:
      part.copy_(p)
    start = start + count
  return z

# exp(d) in fp32; in the memory of z if that is fp32.
def exponential_into(self: __torch__.K, z: Tensor, d: Tensor) -> Tensor:
  if z.dtype == 6:
    return torch.exp(d, out=z)
  return torch.exp(d)

# In place, d being logits less their shift: the shift becomes the largest logit where that is larger; d, sums and dx what they are with it.
def raise_shift(self: __torch__.K, d: Tensor, shift: Tensor, sums: Tensor, dx: Tensor) -> Tensor:
  more = d.amax([1], True).clamp_min_(0.0)
  shrink = more.neg().exp_()
  sums.mul_(shrink)
  dx.mul_(shrink)
  d.sub_(more)
  return shift.add_(more)

def head_logits(self: __torch__.K, x: Tensor, weight: Tensor, scales: List[Tensor], onednn: bool, bias: List[Tensor]) -> Tensor:
  z = self.frozen_forward(x, weight, scales, onednn).to(6)
  return z.add_(bias[0]) if len(bias) > 0 else z

# The best token of every row and its score, (B, 2) in fp64, where ids are exact: the first of equals, the first NaN if there is one.
def head_best(self: __torch__.K, logits: Tensor) -> Tensor:
  score, token = torch.max(logits, 1, True)
  return torch.cat([token.to(7), score.to(7)], 1)
