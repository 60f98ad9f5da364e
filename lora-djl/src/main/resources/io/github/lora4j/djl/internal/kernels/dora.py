# Pairs whose rows have a trained length m (DoRA): y = m / n * v + bias with v = x weightᵀ + scale * u bᵀ, n = |weight + scale * b a| of each row.
# m, n: (out) fp32. Lengths are multiplied in fp32 also where the layers compute in less: most of them differ little from 1.

# n, in place, a block of rows at a time that stays in the processor's cache; no second matrix is ever whole.
def dora_norms(self: __torch__.K, into: Tensor, weight: Tensor, scales: List[Tensor], a: Tensor, b: Tensor, scale: float) -> Tensor:
  n = weight.size(0)
  few = max(1, 1048576 // weight.size(1))
  start = 0
  while start < n:
    count = min(few, n - start)
    rows = torch.addmm(self.frozen_rows(weight, scales, start, count, 6), b.narrow(0, start, count), a, beta=1.0, alpha=scale)
    into.narrow(0, start, count).copy_(torch.linalg_vector_norm(rows, 2, [1]))
    start = start + count
  return into

# Of a table, weight: (V, D), a: (r, V), b: (D, r): the lengths of its columns, into (D).
def dora_table_norms(self: __torch__.K, into: Tensor, weight: Tensor, scales: List[Tensor], a: Tensor, b: Tensor, scale: float) -> Tensor:
  n = weight.size(0)
  few = max(1, 262144 // weight.size(1))
  sums = torch.zeros([weight.size(1)], dtype=7, layout=None, device=weight.device)
  start = 0
  while start < n:
    count = min(few, n - start)
    rows = torch.addmm(self.frozen_rows(weight, scales, start, count, 6), a.narrow(1, start, count).t(), b.t(), beta=1.0, alpha=scale)
    sums.add_(torch.mul(rows, rows).sum([0]))
    start = start + count
  return into.copy_(sums.sqrt_())

# y[start : start+count]: x weightᵀ becomes m / n * v, in place. Returns u and v, or no v where it is not kept.
def dora_forward(self: __torch__.K, y: Tensor, x: Tensor, start: int, count: int, a: Tensor, b: Tensor, scale: float, m: Tensor, n: Tensor, keep: bool) -> List[Tensor]:
  u = self.low_rank_inner(x, start, count, a, 0.0, 0)
  ys = y.narrow(0, start, count)
  ys.addmm_(u, b.to(x.dtype).t(), beta=1.0, alpha=scale)
  kept = [u]
  if keep:
    kept.append(ys.clone())
  ys.mul_(m / n)
  return kept

# What x[start : start+count] drops out to.
def dropped_rows(self: __torch__.K, x: Tensor, start: int, count: int, p: float, seed: int) -> Tensor:
  xs = x.narrow(0, start, count)
  return xs * self.dropout_mask(xs, p, seed)

# The same where elements of x are dropped. d: what is left of them, (count, in); product: d weightᵀ, (count, out), v afterwards.
# y[start : start+count] += m / n * v - product.
def dora_forward_dropped(self: __torch__.K, y: Tensor, d: Tensor, product: Tensor, start: int, count: int, a: Tensor, b: Tensor, scale: float, m: Tensor, n: Tensor) -> Tensor:
  u = torch.mm(d, a.to(d.dtype).t())
  ys = y.narrow(0, start, count)
  ys.sub_(product)
  product.addmm_(u, b.to(d.dtype).t(), beta=1.0, alpha=scale)
  ys.add_(torch.mul(product, m / n))
  return u

# u and v again, without y; product: x weightᵀ of the rows, or d weightᵀ where elements are dropped, v afterwards.
def dora_replay(self: __torch__.K, product: Tensor, x: Tensor, start: int, count: int, a: Tensor, b: Tensor, scale: float) -> List[Tensor]:
  u = self.low_rank_inner(x, start, count, a, 0.0, 0)
  v = product.narrow(0, start, count)
  v.addmm_(u, b.to(x.dtype).t(), beta=1.0, alpha=scale)
  return [u, v]

# e[start : start+count] *= m / n, in place.
def dora_scale(self: __torch__.K, e: Tensor, start: int, count: int, m: Tensor, n: Tensor) -> Tensor:
  return e.narrow(0, start, count).mul_(m / n)

# (m / n - 1) dy of some rows: what dropped elements of x see of the frozen map.
def dora_excess(self: __torch__.K, dy: Tensor, start: int, count: int, m: Tensor, n: Tensor) -> Tensor:
  return dy.narrow(0, start, count).clone().mul_(m / n - 1.0)

# dx[start : start+count] += mask * change
def add_masked(self: __torch__.K, dx: Tensor, change: Tensor, start: int, count: int, p: float, seed: int) -> Tensor:
  dxs = dx.narrow(0, start, count)
  return dxs.addcmul_(change, self.dropout_mask(dxs, p, seed))

# dm += sum of dy * v over rows, / n
def dora_backward(self: __torch__.K, dy: Tensor, start: int, count: int, v: Tensor, n: Tensor, dm: Tensor) -> Tensor:
  sums = torch.sum(torch.mul(dy.narrow(0, start, count), v), [0], False, dtype=6)
  return dm.add_(sums.div_(n))
