# The low-rank pair beside an embedding, a: (r, V), b: (D, r), and a table that is trained whole. ids: (N) int64.

# y[start : start+count] += scale * a[:, ids]ᵀ bᵀ, in place. Returns u = a[:, ids]ᵀ: (count, r), which backward needs.
def embedding_low_rank_forward(self: __torch__.K, y: Tensor, ids: Tensor, start: int, count: int, a: Tensor, b: Tensor, scale: float) -> Tensor:
  u = torch.index_select(a, 1, ids.narrow(0, start, count)).t().to(y.dtype)
  y.narrow(0, start, count).addmm_(u, b.to(y.dtype).t(), beta=1.0, alpha=scale)
  return u

# The same with lengths m, n: (D) of the columns (DoRA): all of it times m / n. Returns u and, where it is kept, what the rows were without m / n.
def embedding_dora_forward(self: __torch__.K, y: Tensor, ids: Tensor, start: int, count: int, a: Tensor, b: Tensor, scale: float, m: Tensor, n: Tensor, keep: bool) -> List[Tensor]:
  kept = [self.embedding_low_rank_forward(y, ids, start, count, a, b, scale)]
  ys = y.narrow(0, start, count)
  if keep:
    kept.append(ys.clone())
  ys.mul_(m / n)
  return kept

# da[:, ids] += scale * (dy b)ᵀ, db += scale * dyᵀ u, for all N rows.
def embedding_low_rank_backward(self: __torch__.K, dy: Tensor, ids: Tensor, u: Tensor, b: Tensor, da: Tensor, db: Tensor, scale: float) -> Tensor:
  db.add_(torch.mm(dy.t(), u).to(6), alpha=scale)
  return self.add_rows(da.t(), ids, torch.mm(dy, b.to(dy.dtype)).to(6).mul_(scale))

def table_backward(self: __torch__.K, dy: Tensor, ids: Tensor, grad: Tensor) -> Tensor:
  return self.add_rows(grad, ids, dy.to(6))

# target[ids] += source, equal ids one after the other in their order: on a CPU index_add does so, on a GPU only index_put, which sorts.
def add_rows(self: __torch__.K, target: Tensor, ids: Tensor, source: Tensor) -> Tensor:
  if target.is_cuda:
    return torch.index_put_(target, annotate(List[Optional[Tensor]], [ids]), source, True)
  return target.index_add_(0, ids, source)
