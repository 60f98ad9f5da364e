# The leading part of a matrix of the base as a product of two thin ones, w: (out, in) fp32. Signs of singular vectors are the library's choice.

# [U sqrt(S), sqrt(S) Vt] of the r largest singular values: (out, r), (r, in).
def singular_factors(self: __torch__.K, w: Tensor, rank: int) -> List[Tensor]:
  u, s, v = torch.linalg_svd(w, False)
  root = torch.sqrt(s.narrow(0, 0, rank))
  return [torch.mul(u.narrow(1, 0, rank), root).contiguous(), torch.mul(v.narrow(0, 0, rank), root.unsqueeze(1)).contiguous()]

# The first r columns of Q and rows of R: (out, r), (r, in).
def triangular_factors(self: __torch__.K, w: Tensor, rank: int) -> List[Tensor]:
  q, r = torch.linalg_qr(w)
  return [q.narrow(1, 0, rank).contiguous(), r.narrow(0, 0, rank).contiguous()]
