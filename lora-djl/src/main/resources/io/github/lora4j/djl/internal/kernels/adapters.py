# The pairs of a batch that is being decoded, one token a row, laid out when the batch forms. The products run in fp32 whatever the layers
# compute in: they are so small that calls cost more than arithmetic, and on a CPU libtorch's calls cost least in fp32.

# Writes a pair, a: (r, in), b: (out, r), for rows of a layout, into_a: (P, in, R), into_b: (P, R, out), zeros beyond r.
def gather_pair(self: __torch__.K, into_a: Tensor, into_b: Tensor, start: int, count: int, a: Tensor, b: Tensor, scale: float) -> Tensor:
  rank = a.size(0)
  into_a.narrow(0, start, count).narrow(2, 0, rank).copy_(a.t())
  return into_b.narrow(0, start, count).narrow(1, 0, rank).copy_(b.t() * scale)

# y[start : start+count] += (x a) b in place, one pair for all rows (P = 1) or one for each (P = count). x: (N, in), y: (N, out).
def add_gathered(self: __torch__.K, y: Tensor, x: Tensor, start: int, count: int, a: Tensor, b: Tensor) -> Tensor:
  rows = x.narrow(0, start, count).to(6)
  if a.size(0) == 1:
    update = torch.mm(torch.mm(rows, a[0]), b[0])
  else:
    update = torch.bmm(torch.bmm(rows.unsqueeze(1), a), b).squeeze(1)
  return y.narrow(0, start, count).add_(update)

# The factors of rows under DoRA: m / n for rows of a layout, into: (P, out).
def gather_factors(self: __torch__.K, into: Tensor, start: int, count: int, m: Tensor, n: Tensor) -> Tensor:
  return into.narrow(0, start, count).copy_(m / n)

# y[start : start+count] *= factors, (1, out) or (count, out), in place.
def scale_gathered(self: __torch__.K, y: Tensor, start: int, count: int, factors: Tensor) -> Tensor:
  return y.narrow(0, start, count).mul_(factors)
