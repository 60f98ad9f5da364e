# Causal attention with ALiBi (Press et al. 2022) over concatenated sequences. qkv: (N, 3D), BLOOM's fused layout (H, 3, D/H) in each row.
# Softmax does not change when a constant is added to a row of scores, so the bias slope * (j - i) may be written slope * j:
# one row of biases per head, (1, H, 1, T), serves every query, and no (T, T) matrix is built.

def alibi_bias(self: __torch__.K, slopes: Tensor, tokens: int) -> Tensor:
  return self.bias_between(slopes, 0, tokens)

def bias_between(self: __torch__.K, slopes: Tensor, first: int, end: int) -> Tensor:
  positions = torch.arange(first, end, dtype=6, layout=None, device=slopes.device)
  return (slopes.view([-1, 1, 1]) * positions.view([1, 1, -1])).unsqueeze(0)

def split_heads(self: __torch__.K, qkv: Tensor, start: int, length: int, heads: int) -> Tensor:
  # (3, 1, H, T, D/H)
  width = qkv.size(1) // (3 * heads)
  return qkv.narrow(0, start, length).view([1, length, heads, 3, width]).permute([3, 0, 2, 1, 4])

def starts_of(self: __torch__.K, lengths: List[int]) -> List[int]:
  starts = annotate(List[int], [])
  start = 0
  for length in lengths:
    starts = torch.append(starts, start)
    start = start + length
  return starts

def scores_of(self: __torch__.K, q: Tensor, k: Tensor, bias: Tensor, causal: bool) -> Tensor:
  # (1, H, Q, T) in fp32: the plain path, for devices without a fused kernel and as a check of the fused one
  scale = self.scale_of(q)
  scores = torch.matmul(q, k.transpose(-1, -2)).to(6) * scale + bias
  if causal:
    hidden = torch.ones([q.size(2), k.size(2)], dtype=11, layout=None, device=q.device).triu(1)
    scores = scores.masked_fill(hidden, -inf)
  return scores

def scale_of(self: __torch__.K, q: Tensor) -> float:
  return 1.0 / (float(q.size(3)) ** 0.5)

# Heads widened by eight columns, so that q' k'ᵀ = q kᵀ + bias / scale. bias: (1, H, 1, T), one for each key.
def folded_queries(self: __torch__.K, q: Tensor) -> Tensor:
  more = torch.zeros([q.size(0), q.size(1), q.size(2), 8], dtype=q.dtype, layout=None, device=q.device)
  more.narrow(3, 0, 3).fill_(64.0)
  return torch.cat([q, more], 3)

def folded_keys(self: __torch__.K, k: Tensor, bias: Tensor, scale: float) -> Tensor:
  rest = bias.transpose(2, 3) * (1.0 / (64.0 * scale))
  more = torch.zeros([k.size(0), k.size(1), k.size(2), 8], dtype=k.dtype, layout=None, device=k.device)
  for column in range(3):
    part = rest.to(k.dtype)
    more.narrow(3, column, 1).copy_(part)
    rest = rest - part.to(6)
  return torch.cat([k, more], 3)

# The output (1, H, Q, D/H) and the log-sum-exp of the scores (1, H, Q).
def plain_attend(self: __torch__.K, q: Tensor, k: Tensor, v: Tensor, bias: Tensor, causal: bool) -> Tuple[Tensor, Tensor]:
  scores = self.scores_of(q, k, bias, causal)
  lse = torch.logsumexp(scores, [-1])
  o = torch.matmul(scores.sub_(lse.unsqueeze(-1)).exp_().to(q.dtype), v)
  return o, lse

def attend(self: __torch__.K, q: Tensor, k: Tensor, v: Tensor, bias: Tensor, causal: bool, fused: bool) -> Tuple[Tensor, Tensor]:
  if not fused:
    o, lse = self.plain_attend(q, k, v, bias, causal)
  elif q.is_cuda:
    o, lse = self.cuda_attend(q, k, v, bias, causal)
  else:
    o, lse = torch._scaled_dot_product_flash_attention_for_cpu(q, k, v, 0.0, causal, attn_mask=bias, scale=None)
  return o, lse

# p = exp(scores - lse); dv = pᵀ do; dp = do vᵀ; ds = p * (dp - rowsum(do * o)); dq = scale ds k; dk = scale dsᵀ q. Where k and v are some of the
# keys and values that a query sees, o and lse being those of all, this is their part of the gradients.
def plain_attend_backward(self: __torch__.K, do: Tensor, q: Tensor, k: Tensor, v: Tensor, o: Tensor, lse: Tensor, bias: Tensor, causal: bool) -> Tuple[Tensor, Tensor, Tensor]:
  p = self.scores_of(q, k, bias, causal).sub_(lse.unsqueeze(-1)).exp_()
  dv = torch.matmul(p.to(do.dtype).transpose(-1, -2), do)
  dp = torch.matmul(do, v.transpose(-1, -2)).to(6)
  sums = (do.to(6) * o.to(6)).sum([-1], True)
  ds = (p * (dp - sums) * self.scale_of(q)).to(do.dtype)
  dq = torch.matmul(ds, k)
  dk = torch.matmul(ds.transpose(-1, -2), q)
  return dq, dk, dv

def attend_backward(self: __torch__.K, do: Tensor, q: Tensor, k: Tensor, v: Tensor, o: Tensor, lse: Tensor, bias: Tensor, causal: bool, fused: bool) -> Tuple[Tensor, Tensor, Tensor]:
  if not fused:
    dq, dk, dv = self.plain_attend_backward(do, q, k, v, o, lse, bias, causal)
  elif q.is_cuda:
    dq, dk, dv = self.cuda_attend_backward(do, q, k, v, o, lse, bias, causal)
  else:
    dq, dk, dv = self.flash_backward(do, q, k, v, o, lse, [bias], causal, self.scale_of(q))
  return dq, dk, dv

# The fused kernel of the CPU. Of few scores in half precision it takes twice as long as of fp32.
def flash_backward(self: __torch__.K, do: Tensor, q: Tensor, k: Tensor, v: Tensor, o: Tensor, lse: Tensor, bias: List[Tensor], causal: bool, scale: float) -> Tuple[Tensor, Tensor, Tensor]:
  dtype = 6 if q.size(2) * k.size(2) <= 65536 else q.dtype
  dq, dk, dv = torch._scaled_dot_product_flash_attention_for_cpu_backward(do.to(dtype), q.to(dtype), k.to(dtype), v.to(dtype), o.to(dtype), lse, 0.0, causal, attn_mask=self.first_of(bias), scale=scale)
  return dq.to(q.dtype), dk.to(q.dtype), dv.to(q.dtype)

# A batch is laid out in pieces. One without a parent (-1) is a sequence, or the passage that several share; one with a parent goes on from the
# end of that piece. It attends to itself causally and to all of its parent, and the two outputs are mixed by the weight of their scores.
# Returns the output (N, D) and the log-sum-exp of the scores (N, H), which backward needs.
def alibi_forward(self: __torch__.K, qkv: Tensor, slopes: Tensor, lengths: List[int], parents: List[int], fused: bool) -> Tuple[Tensor, Tensor]:
  heads = slopes.size(0)
  n = qkv.size(0)
  out = torch.empty([n, qkv.size(1) // 3], dtype=qkv.dtype, layout=None, device=qkv.device)
  sums = torch.empty([n, heads], dtype=6, layout=None, device=qkv.device)
  starts = self.starts_of(lengths)
  i = 0
  for length in lengths:
    z = self.split_heads(qkv, starts[i], length, heads)
    o, lse = self.attend(z[0], z[1], z[2], self.alibi_bias(slopes, length), True, fused)
    parent = parents[i]
    if parent >= 0:
      before = self.split_heads(qkv, starts[parent], lengths[parent], heads)
      o2, lse2 = self.attend(z[0], before[1], before[2], self.bias_between(slopes, -lengths[parent], 0), False, fused)
      both = torch.logaddexp(lse, lse2)
      o = (o * (lse - both).exp().unsqueeze(-1) + o2 * (lse2 - both).exp().unsqueeze(-1)).to(o.dtype)
      lse = both
    out.narrow(0, starts[i], length).copy_(o[0].transpose(0, 1).reshape([length, -1]))
    sums.narrow(0, starts[i], length).copy_(lse[0].t())
    i = i + 1
  return out, sums

# Returns the gradient of qkv, (N, 3D). From the last piece to the first: pieces hand the gradient of their parent's keys and values down to it,
# summed in fp32.
def alibi_backward(self: __torch__.K, dout: Tensor, qkv: Tensor, out: Tensor, sums: Tensor, slopes: Tensor, lengths: List[int], parents: List[int], fused: bool) -> Tensor:
  heads = slopes.size(0)
  width = qkv.size(1) // (3 * heads)
  dqkv = torch.empty_like(qkv)
  starts = self.starts_of(lengths)
  nothing = torch.empty([0], dtype=6, layout=None, device=qkv.device)
  handed = nothing
  i = len(lengths)
  while i > 0:
    i = i - 1
    start = starts[i]
    length = lengths[i]
    parent = parents[i]
    z = self.split_heads(qkv, start, length, heads)
    do = dout.narrow(0, start, length).view([1, length, heads, width]).transpose(1, 2)
    o = out.narrow(0, start, length).view([1, length, heads, width]).transpose(1, 2)
    lse = sums.narrow(0, start, length).t().unsqueeze(0)
    dq, dk, dv = self.attend_backward(do, z[0], z[1], z[2], o, lse, self.alibi_bias(slopes, length), True, fused)
    if parent >= 0:
      before = self.split_heads(qkv, starts[parent], lengths[parent], heads)
      dq2, dk2, dv2 = self.attend_backward(do, z[0], before[1], before[2], o, lse, self.bias_between(slopes, -lengths[parent], 0), False, fused)
      dq = (dq.to(6) + dq2).to(dq.dtype)
      down = torch.stack([dk2, dv2], 0).to(6)
      handed = down if handed.size(0) == 0 else handed.add_(down)
    elif handed.size(0) > 0:
      dk = (dk.to(6) + handed[0]).to(dk.dtype)
      dv = (dv.to(6) + handed[1]).to(dv.dtype)
      handed = nothing
    stacked = torch.stack([dq[0], dk[0], dv[0]], 2)
    dqkv.narrow(0, start, length).copy_(stacked.permute([1, 0, 2, 3]).reshape([length, -1]))
  return dqkv

# Prompts of a fresh cache: keys and values of row b go to cache[b, :, 0:length]. cache: (B, H, capacity, D/H).
def cache_fill(self: __torch__.K, qkv: Tensor, keys: Tensor, values: Tensor, lengths: List[int]) -> Tensor:
  heads = keys.size(1)
  start = 0
  i = 0
  for length in lengths:
    z = self.split_heads(qkv, start, length, heads)
    keys.select(0, i).narrow(1, 0, length).copy_(z[1][0])
    values.select(0, i).narrow(1, 0, length).copy_(z[2][0])
    start = start + length
    i = i + 1
  return keys

# Some rows of a cache with another capacity; used: tokens of the longest of them. (B', H, capacity, D/H).
def cache_copy(self: __torch__.K, cache: Tensor, rows: Tensor, used: int, capacity: int) -> Tensor:
  out = torch.zeros([rows.size(0), cache.size(1), capacity, cache.size(3)], dtype=cache.dtype, layout=None, device=cache.device)
  out.narrow(2, 0, used).copy_(torch.index_select(cache.narrow(2, 0, used), 0, rows))
  return out

# Some rows of a cache, then some of another one with its own capacity; used, brought: tokens of the longest of each. (B1 + B2, H, capacity, D/H).
def cache_join(self: __torch__.K, cache: Tensor, rows: Tensor, used: int, other: Tensor, others: Tensor, brought: int, capacity: int) -> Tensor:
  stay = rows.size(0)
  come = others.size(0)
  out = torch.zeros([stay + come, cache.size(1), capacity, cache.size(3)], dtype=cache.dtype, layout=None, device=cache.device)
  out.narrow(0, 0, stay).narrow(2, 0, used).copy_(torch.index_select(cache.narrow(2, 0, used), 0, rows))
  out.narrow(0, stay, come).narrow(2, 0, brought).copy_(torch.index_select(other.narrow(2, 0, brought), 0, others))
  return out

# The bias of a step that adds a token to every row, (B, H, 1, longest). positions: (B) int64, where the tokens stand; longest: the largest of
# them + 1. Rows see their own past only: places beyond a row's position are masked.
def alibi_decode_bias(self: __torch__.K, slopes: Tensor, positions: Tensor, longest: int) -> Tensor:
  bias = self.alibi_bias(slopes, longest)
  rows = positions.size(0)
  if rows == 1:
    return bias
  steps = torch.arange(longest, dtype=4, layout=None, device=slopes.device).view([1, 1, 1, longest])
  future = torch.gt(steps, positions.view([rows, 1, 1, 1]))
  return bias.expand([rows, slopes.size(0), 1, longest]).masked_fill(future, -inf)

# Where the new keys and values of a step go: rows of a cache seen as (B * H * slots, D/H), (B * H) int64. Slots that are all taken are a ring.
def cache_places(self: __torch__.K, cache: Tensor, positions: Tensor) -> Tensor:
  rows = cache.size(0) * cache.size(1)
  firsts = torch.arange(0, rows * cache.size(2), cache.size(2), dtype=4, layout=None, device=cache.device)
  return (firsts.view([cache.size(0), -1]) + positions.remainder(cache.size(2)).view([-1, 1])).view([-1])

# One new token per row. qkv: (B, 3D); places: of cache_places; bias: of alibi_decode_bias. Returns (B, D).
def alibi_decode(self: __torch__.K, qkv: Tensor, keys: Tensor, values: Tensor, places: Tensor, bias: Tensor, fused: bool) -> Tensor:
  rows = qkv.size(0)
  heads = keys.size(1)
  width = keys.size(3)
  longest = bias.size(3)
  z = qkv.view([rows * heads, 3, width])
  keys.view([-1, width]).index_copy_(0, places, z.select(1, 1))
  values.view([-1, width]).index_copy_(0, places, z.select(1, 2))
  z = qkv.view([rows, heads, 3, width])
  q = z.select(2, 0).unsqueeze(2)
  k = keys.narrow(2, 0, longest)
  v = values.narrow(2, 0, longest)
  # on a GPU plainly: with one query a row there is little to save, and the folded bias knows no masked places
  o, _lse = self.attend(q, k, v, bias, False, fused and not q.is_cuda)
  return o.reshape([rows, heads * width])
