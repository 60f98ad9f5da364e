# Queries, keys and values that one linear map gives together. y: (N, (Q + 2 H) * d), Q = H * G query heads.

# Each head of keys with its group: G queries, a key, a value (BLOOM, GPT-NeoX and Falcon).
def split_groups(self: __torch__.K, y: Tensor, heads: int, groups: int) -> Tuple[Tensor, Tensor, Tensor]:
  z = y.view([y.size(0), heads, groups + 2, -1])
  q = z.narrow(2, 0, groups).reshape([y.size(0), -1])
  return q, z.select(2, groups).reshape([y.size(0), -1]), z.select(2, groups + 1).reshape([y.size(0), -1])

def join_groups(self: __torch__.K, q: Tensor, k: Tensor, v: Tensor, heads: int, groups: int) -> Tensor:
  n = q.size(0)
  parts = [q.view([n, heads, groups, -1]), k.view([n, heads, 1, -1]), v.view([n, heads, 1, -1])]
  return torch.cat(parts, 2).view([n, -1])

# All queries, all keys, all values (GPT-2 and Phi-3); also the two halves of a fused gate.
def split_blocks(self: __torch__.K, y: Tensor, widths: List[int]) -> List[Tensor]:
  parts = annotate(List[Tensor], [])
  start = 0
  for width in widths:
    parts = torch.append(parts, y.narrow(1, start, width).contiguous())
    start = start + width
  return parts

def join_blocks(self: __torch__.K, parts: List[Tensor]) -> Tensor:
  return torch.cat(parts, 1)
