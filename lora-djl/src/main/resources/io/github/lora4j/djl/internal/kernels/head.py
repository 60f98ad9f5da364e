# Cross-entropy through a head that is trained: with a pair beside it, z = x weightᵀ + bias + scale * (drop(x) aᵀ) bᵀ, or as whole copies of its matrix
# or bias, or where logits are capped. pair: a (r, D) and b (V, r), or none; bias: (V), or none; into_pair, into_weight, into_bias: the gradients, or none.
# lengths: m and n (V) of DoRA, or none; into_lengths: the gradient of m, or none. cap: logits become cap * tanh(z / cap), 0 for no cap. Everything else
# is as in head_loss. The gradients of b, of the matrix and of the bias need the probabilities themselves, not up to a factor that is known in the end: the vocabulary
# is swept twice, first for the normaliser, then with the same logits again for all gradients. They still never exist as a whole.

def trained_head_loss(self: __torch__.K, x: Tensor, weight: Tensor, scales: List[Tensor], onednn: bool, bias: List[Tensor], targets: Tensor, weights: Tensor, chunk: int, words: int, want_gradient: bool, pair: List[Tensor], scale: float, p: float, seed: int, into_pair: List[Tensor], into_weight: List[Tensor], into_bias: List[Tensor], lengths: List[Tensor], into_lengths: List[Tensor], cap: float) -> Tuple[Tensor, Tensor]:
  n = x.size(0)
  drops = p > 0.0
  mask = self.dropout_mask(x, p, seed) if p > 0.0 else x
  dropped = x * mask if p > 0.0 else x
  dx = torch.empty_like(x) if want_gradient else x
  loss = torch.zeros([1], dtype=7, layout=None, device=x.device)
  start = 0
  while start < n:
    count = min(chunk, n - start)
    rows = x.narrow(0, start, count)
    d = dropped.narrow(0, start, count)
    some = d.to(6)
    u = torch.mm(some, pair[0].t()) if len(pair) > 0 else some
    at = targets.narrow(0, start, count)
    factors = weights.narrow(0, start, count).view([-1, 1])
    wanted, shift, others = self.head_normaliser(rows, d, u, weight, scales, onednn, bias, at, words, pair, scale, lengths, drops, cap)
    all = others + (wanted - shift).exp()
    loss.add_(((shift + all.log() - wanted).to(7) * factors).sum())
    if want_gradient:
      factor = (factors / all.to(7)).to(6)
      part, du, dd = self.head_gradients(rows, d, u, weight, scales, onednn, bias, at, shift, others, factor, words, pair, scale, into_pair, into_weight, into_bias, lengths, into_lengths, drops, cap)
      if len(pair) > 0:
        if len(into_pair) > 0:
          into_pair[0].addmm_(du.t(), some, beta=1.0, alpha=scale)
        through = torch.mm(du, pair[0]).mul_(scale)
        if len(lengths) > 0 and drops:
          through.add_(dd)
        if drops:
          through.mul_(mask.narrow(0, start, count))
        part.add_(through)
      dx.narrow(0, start, count).copy_(part)
    start = start + count
  return loss, dx

# Logits of a block of the vocabulary, fp32: z, and of DoRA v, with z = m / n * v, or, where x drops out to d, z = x blockᵀ - d blockᵀ + m / n * v.
def head_block(self: __torch__.K, x: Tensor, d: Tensor, u: Tensor, block: Tensor, onednn: bool, bias: List[Tensor], start: int, pair: List[Tensor], scale: float, lengths: List[Tensor], drops: bool, cap: float) -> Tuple[Tensor, Tensor]:
  z = self.product(x, block, onednn).to(6)
  if len(pair) == 0:
    return self.capped(self.biased(z, bias, start), cap), z
  b = pair[1].narrow(0, start, block.size(0)).t()
  if len(lengths) == 0:
    z.addmm_(u, b, beta=1.0, alpha=scale)
    return self.capped(self.biased(z, bias, start), cap), z
  ratio = self.head_ratio(lengths, start, block.size(0))
  if drops:
    v = self.product(d, block, onednn).to(6)
    z.sub_(v)
    v.addmm_(u, b, beta=1.0, alpha=scale)
    return self.capped(self.biased(z.addcmul_(v, ratio), bias, start), cap), v
  z.addmm_(u, b, beta=1.0, alpha=scale)
  return self.capped(self.biased(torch.mul(z, ratio), bias, start), cap), z

# Adds the bias of a block of words in place.
def biased(self: __torch__.K, z: Tensor, bias: List[Tensor], start: int) -> Tensor:
  if len(bias) > 0:
    z.add_(bias[0].narrow(0, start, z.size(1)))
  return z

# cap * tanh(z / cap) in place; 0 for no cap.
def capped(self: __torch__.K, z: Tensor, cap: float) -> Tensor:
  if cap > 0.0:
    z.div_(cap).tanh_().mul_(cap)
  return z

# All logits capped in place; words that a row lacks keep -inf.
def cap_logits(self: __torch__.K, z: Tensor, cap: float) -> Tensor:
  lacking = torch.eq(z, -inf)
  return self.capped(z, cap).masked_fill_(lacking, -inf)

# m / n of some words
def head_ratio(self: __torch__.K, lengths: List[Tensor], start: int, count: int) -> Tensor:
  return torch.div(lengths[0].narrow(0, start, count), lengths[1].narrow(0, start, count))

# The target's logit, a shift, and the sum of exp(z - shift) over the other words, each (n, 1).
def head_normaliser(self: __torch__.K, x: Tensor, d: Tensor, u: Tensor, weight: Tensor, scales: List[Tensor], onednn: bool, bias: List[Tensor], targets: Tensor, words: int, pair: List[Tensor], scale: float, lengths: List[Tensor], drops: bool, cap: float) -> Tuple[Tensor, Tensor, Tensor]:
  at_targets = self.frozen_at(weight, scales, targets, x.dtype).to(6)
  wanted = (x.to(6) * at_targets).sum([1], True)
  if len(pair) > 0:
    update = (u * torch.index_select(pair[1], 0, targets)).sum([1], True).mul_(scale)
    if len(lengths) > 0:
      ratio = torch.index_select(torch.div(lengths[0], lengths[1]), 0, targets).view([-1, 1])
      frozen = (d.to(6) * at_targets).sum([1], True) if drops else wanted
      wanted = torch.add(wanted, torch.sub(torch.mul(torch.add(frozen, update), ratio), frozen))
    else:
      wanted.add_(update)
  if len(bias) > 0:
    wanted = wanted + torch.index_select(bias[0], 0, targets).view([-1, 1])
  wanted = self.capped(wanted, cap)
  shift = wanted
  others = torch.zeros_like(wanted)
  start = 0
  while start < weight.size(0):
    count = min(words, weight.size(0) - start)
    z, v = self.head_block(x, d, u, self.frozen_rows(weight, scales, start, count, x.dtype), onednn, bias, start, pair, scale, lengths, drops, cap)
    self.leave_out(z, targets.view([-1, 1]) - start)
    raised = torch.maximum(shift, z.amax([1], True))
    others.mul_((shift - raised).exp()).add_(z.sub_(raised).exp_().sum([1], True))
    shift = raised
    start = start + count
  return wanted, shift, others

# dz = factor * exp(z - shift), and -factor * others at the target; e = m / n * dz of DoRA, else dz. Returns, in fp32, the gradient of x without what
# passes u, e b, and of DoRA (e - dz) weight, which dropped elements of x see; adds to the gradients of b, of the matrix and of m.
def head_gradients(self: __torch__.K, x: Tensor, d: Tensor, u: Tensor, weight: Tensor, scales: List[Tensor], onednn: bool, bias: List[Tensor], targets: Tensor, shift: Tensor, others: Tensor, factor: Tensor, words: int, pair: List[Tensor], scale: float, into_pair: List[Tensor], into_weight: List[Tensor], into_bias: List[Tensor], lengths: List[Tensor], into_lengths: List[Tensor], drops: bool, cap: float) -> Tuple[Tensor, Tensor, Tensor]:
  scaled = len(lengths) > 0
  dx = torch.zeros([x.size(0), x.size(1)], dtype=6, layout=None, device=x.device)
  du = torch.zeros([x.size(0), u.size(1)], dtype=6, layout=None, device=x.device)
  dd = torch.zeros_like(dx) if scaled and drops else dx
  wanted = torch.neg(others * factor)
  start = 0
  while start < weight.size(0):
    count = min(words, weight.size(0) - start)
    block = self.frozen_rows(weight, scales, start, count, x.dtype)
    z, v = self.head_block(x, d, u, block, onednn, bias, start, pair, scale, lengths, drops, cap)
    dz = torch.sub(z, shift).exp_().mul_(factor)
    at = targets.view([-1, 1]) - start
    inside = torch.clamp(at, 0, count - 1)
    dz.scatter_(1, inside, torch.where(torch.eq(at, inside), wanted, dz.gather(1, inside)))
    if cap > 0.0:
      dz.addcmul_(dz, z.div_(cap).square_(), value=-1.0)
    if len(into_bias) > 0:
      into_bias[0].narrow(0, start, count).add_(dz.sum([0]))
    e = dz
    if scaled:
      if len(into_lengths) > 0:
        into_lengths[0].narrow(0, start, count).add_(torch.mul(dz, v).sum([0]).div_(lengths[1].narrow(0, start, count)))
      e = torch.mul(dz, self.head_ratio(lengths, start, count))
    if scaled and drops:
      dx.add_(self.product_backward(dz.to(x.dtype), block, onednn))
      dd.add_(self.product_backward(torch.sub(e, dz).to(x.dtype), block, onednn))
    else:
      dx.add_(self.product_backward(e.to(x.dtype), block, onednn))
    if len(pair) > 0:
      du.add_(torch.mm(e, pair[1].narrow(0, start, count)))
    if len(into_pair) > 0:
      into_pair[1].narrow(0, start, count).addmm_(e.t(), u, beta=1.0, alpha=scale)
    if len(into_weight) > 0:
      self.weight_backward(dz.to(x.dtype), x, into_weight[0].narrow(0, start, count))
    start = start + count
  return dx, du, dd

# y with the logits of some rows in the place of its own: in place if they are as many, else in a wider array. Words that a row lacks score -inf.
def with_logits(self: __torch__.K, y: Tensor, start: int, logits: Tensor) -> Tensor:
  words = max(y.size(1), logits.size(1))
  wide = y
  if words > y.size(1):
    wide = torch.full([y.size(0), words], -inf, dtype=6, layout=None, device=y.device)
    wide.narrow(1, 0, y.size(1)).copy_(y)
  rows = wide.narrow(0, start, logits.size(0))
  rows.narrow(1, 0, logits.size(1)).copy_(logits)
  rows.narrow(1, logits.size(1), words - logits.size(1)).fill_(-inf)
  return wide

# y[start : start+count] += scale * (x aᵀ) bᵀ in fp32, whatever x is; of DoRA, all of it but the bias times m / n.
def head_low_rank(self: __torch__.K, y: Tensor, x: Tensor, start: int, count: int, a: Tensor, b: Tensor, scale: float, lengths: List[Tensor], bias: List[Tensor]) -> Tensor:
  u = torch.mm(x.narrow(0, start, count).to(6), a.t())
  ys = y.narrow(0, start, count).narrow(1, 0, b.size(0)).addmm_(u, b.t(), beta=1.0, alpha=scale)
  if len(lengths) > 0:
    ratio = self.head_ratio(lengths, 0, b.size(0))
    ys.mul_(ratio)
    if len(bias) > 0:
      ys.add_(bias[0] * (1.0 - ratio))
  return ys
