# Causal attention over concatenated sequences, G query heads to each of the H heads of keys and values. q: (N, H * G * d), k and v: (N, H * d).
# The G heads of a group are taken for a batch of G, whose keys and values are the same memory. A window lets a token see itself and the window - 1
# before it; it is cut into blocks, so that masks have (window, 2 window) numbers at most. softcap: scores become cap * tanh(scores / cap), 0 for none,
# which no fused kernel knows. slopes: (H * G) of a bias by the
# position of the key (ALiBi) and a factor, or none.

def query_heads(self: __torch__.K, q: Tensor, start: int, length: int, heads: int, groups: int) -> Tensor:
  return q.narrow(0, start, length).view([length, heads, groups, -1]).permute([2, 1, 0, 3])  # (G, H, T, d)

def key_heads(self: __torch__.K, k: Tensor, start: int, length: int, heads: int, groups: int) -> Tensor:
  x = k.narrow(0, start, length).view([1, length, heads, -1]).transpose(1, 2)
  return x.expand([groups, heads, length, x.size(3)])  # (G, H, T, d), no copies

def rows_of_heads(self: __torch__.K, o: Tensor) -> Tensor:
  return o.permute([2, 1, 0, 3]).reshape([o.size(2), -1])  # (T, H * G * d)

# Slopes times places, in the type of the slopes: Falcon's are bf16, and its model was trained with that rounding. slopes[1]: a factor, (1) fp32.
def slope_bias(self: __torch__.K, slopes: List[Tensor], own: Tensor, places: Tensor) -> Tensor:
  return torch.mul(own, places.to(own.dtype)).to(6) * slopes[1]

# What is added to the scores of queries at positions first_query... and keys at positions first_key...: (1, 1, Q, K), or (G, H, Q or 1, K) with slopes.
def position_bias(self: __torch__.K, slopes: List[Tensor], heads: int, groups: int, first_query: int, queries: int, first_key: int, keys: int, window: int, masked: bool, device: Device) -> List[Tensor]:
  bias = annotate(List[Tensor], [])
  j = torch.arange(first_key, first_key + keys, dtype=6, layout=None, device=device).view([1, 1, 1, -1])
  if len(slopes) > 0:
    bias = [self.slope_bias(slopes, slopes[0].view([heads, groups]).t().reshape([groups, heads, 1, 1]), j)]
  if masked:
    i = torch.arange(first_query, first_query + queries, dtype=6, layout=None, device=device).view([1, 1, -1, 1])
    hidden = torch.gt(j, i)
    if window > 0:
      hidden = torch.logical_or(hidden, torch.le(j, i - float(window)))
    base = bias[0] if len(bias) > 0 else torch.zeros([1, 1, 1, 1], dtype=6, layout=None, device=device)
    bias = [base.masked_fill(hidden, -inf)]
  return bias

def grouped_scores(self: __torch__.K, q: Tensor, k: Tensor, bias: List[Tensor], causal: bool, scale: float, softcap: float) -> Tensor:
  scores = torch.matmul(q, k.transpose(-1, -2)).to(6) * scale
  if softcap > 0.0:
    scores = scores.div_(softcap).tanh_().mul_(softcap)
  if len(bias) > 0:
    scores = scores + bias[0]
  if causal:
    hidden = torch.ones([q.size(2), k.size(2)], dtype=11, layout=None, device=q.device).triu(1)
    scores = scores.masked_fill(hidden, -inf)
  return scores

def first_of(self: __torch__.K, tensors: List[Tensor]) -> Optional[Tensor]:
  found = annotate(Optional[Tensor], None)
  if len(tensors) > 0:
    found = tensors[0]
  return found

# Output (G, H, Q, d) and log-sum-exp of the scores (G, H, Q).
def grouped_attend(self: __torch__.K, q: Tensor, k: Tensor, v: Tensor, bias: List[Tensor], causal: bool, scale: float, softcap: float, fused: bool) -> Tuple[Tensor, Tensor]:
  if fused and softcap == 0.0:
    o, lse = torch._scaled_dot_product_flash_attention_for_cpu(q, k, v, 0.0, causal, attn_mask=self.first_of(bias), scale=scale)
  else:
    scores = self.grouped_scores(q, k, bias, causal, scale, softcap)
    lse = torch.logsumexp(scores, [-1])
    o = torch.matmul(scores.sub_(lse.unsqueeze(-1)).exp_().to(q.dtype), v)
  return o, lse

# As attend_backward of attention.py, with the derivative of the cap; dk and dv are still those of every query head, (G, H, K, d).
def grouped_attend_backward(self: __torch__.K, do: Tensor, q: Tensor, k: Tensor, v: Tensor, o: Tensor, lse: Tensor, bias: List[Tensor], causal: bool, scale: float, softcap: float, fused: bool) -> Tuple[Tensor, Tensor, Tensor]:
  if fused and softcap == 0.0:
    dq, dk, dv = self.flash_backward(do, q, k, v, o, lse, bias, causal, scale)
  else:
    p = self.grouped_scores(q, k, bias, causal, scale, softcap).sub_(lse.unsqueeze(-1)).exp_()
    dv = torch.matmul(p.to(do.dtype).transpose(-1, -2), do)
    dp = torch.matmul(do, v.transpose(-1, -2)).to(6)
    sums = (do.to(6) * o.to(6)).sum([-1], True)
    ds = p.mul_(dp.sub_(sums)).mul_(scale)
    if softcap > 0.0:
      t = torch.matmul(q, k.transpose(-1, -2)).to(6).mul_(scale / softcap).tanh_()
      ds = ds.mul_(1.0 - t * t)
    ds = ds.to(do.dtype)
    dq = torch.matmul(ds, k)
    dk = torch.matmul(ds.transpose(-1, -2), q)
  return dq, dk, dv

# Blocks of queries of a piece and the keys that they see: (first query, queries, first key, keys) of the piece itself, one after the other.
def window_blocks(self: __torch__.K, length: int, window: int) -> List[int]:
  blocks = annotate(List[int], [])
  if window == 0 or length <= window:
    blocks = [0, length, 0, length]
  else:
    start = 0
    while start < length:
      count = min(window, length - start)
      first = max(0, start - window + 1)
      blocks = torch.add(blocks, [start, count, first, start + count - first])
      start = start + count
  return blocks

# Of a piece that goes on from a parent, the queries that still see keys of it, and how many of its last keys they see.
def reach(self: __torch__.K, length: int, parent: int, window: int) -> Tuple[int, int]:
  if window == 0:
    return length, parent
  return min(length, window - 1), min(parent, window - 1)

# Pieces, parents: as in alibi_forward. Returns the output (N, H * G * d) and the log-sum-exp of the scores (N, H * G).
def grouped_forward(self: __torch__.K, q: Tensor, k: Tensor, v: Tensor, slopes: List[Tensor], heads: int, groups: int, lengths: List[int], parents: List[int], scale: float, window: int, softcap: float, fused: bool) -> Tuple[Tensor, Tensor]:
  out = torch.empty([q.size(0), heads * groups * (v.size(1) // heads)], dtype=q.dtype, layout=None, device=q.device)
  sums = torch.empty([q.size(0), heads * groups], dtype=6, layout=None, device=q.device)
  starts = self.starts_of(lengths)
  i = 0
  for length in lengths:
    start = starts[i]
    parent = parents[i]
    blocks = self.window_blocks(length, window)
    b = 0
    while b < len(blocks):
      first = blocks[b]
      count = blocks[b + 1]
      first_key = blocks[b + 2]
      keys = blocks[b + 3]
      whole = count == keys and (window == 0 or count <= window)
      bias = self.position_bias(slopes, heads, groups, first, count, first_key, keys, window, not whole, q.device)
      o, lse = self.grouped_attend(self.query_heads(q, start + first, count, heads, groups), self.key_heads(k, start + first_key, keys, heads, groups), self.key_heads(v, start + first_key, keys, heads, groups), bias, whole, scale, softcap, fused)
      out.narrow(0, start + first, count).copy_(self.rows_of_heads(o))
      sums.narrow(0, start + first, count).copy_(lse.permute([2, 1, 0]).reshape([count, -1]))
      b = b + 4
    if parent >= 0:
      count, keys = self.reach(length, lengths[parent], window)
      if count > 0 and keys > 0:
        before = starts[parent] + lengths[parent] - keys
        bias = self.position_bias(slopes, heads, groups, 0, count, -keys, keys, window, window > 0 and count + keys > window, q.device)
        o2, lse2 = self.grouped_attend(self.query_heads(q, start, count, heads, groups), self.key_heads(k, before, keys, heads, groups), self.key_heads(v, before, keys, heads, groups), bias, False, scale, softcap, fused)
        own = sums.narrow(0, start, count)
        theirs = lse2.permute([2, 1, 0]).reshape([count, -1])
        both = torch.logaddexp(own, theirs)
        rows = out.narrow(0, start, count)
        split = rows.view([count, heads * groups, -1])
        mixed = split * (own - both).exp().unsqueeze(-1) + self.rows_of_heads(o2).view(split.size()) * (theirs - both).exp().unsqueeze(-1)
        split.copy_(mixed)
        own.copy_(both)
    i = i + 1
  return out, sums

def add_heads(self: __torch__.K, into: Tensor, dk: Tensor) -> Tensor:
  # (G, H, K, d) to (K, H * d)
  return into.add_(dk.to(6).sum([0]).transpose(0, 1).reshape([dk.size(2), -1]))

# Gradients of q, k and v. What several blocks and pieces add to a key is summed in fp32.
def grouped_backward(self: __torch__.K, dout: Tensor, q: Tensor, k: Tensor, v: Tensor, out: Tensor, sums: Tensor, slopes: List[Tensor], heads: int, groups: int, lengths: List[int], parents: List[int], scale: float, window: int, softcap: float, fused: bool) -> Tuple[Tensor, Tensor, Tensor]:
  dq = torch.empty_like(q)
  dk = torch.zeros(k.size(), dtype=6, layout=None, device=k.device)
  dv = torch.zeros(v.size(), dtype=6, layout=None, device=v.device)
  starts = self.starts_of(lengths)
  i = 0
  for length in lengths:
    start = starts[i]
    parent = parents[i]
    blocks = self.window_blocks(length, window)
    b = 0
    while b < len(blocks):
      first = blocks[b]
      count = blocks[b + 1]
      first_key = blocks[b + 2]
      keys = blocks[b + 3]
      whole = count == keys and (window == 0 or count <= window)
      bias = self.position_bias(slopes, heads, groups, first, count, first_key, keys, window, not whole, q.device)
      lse = sums.narrow(0, start + first, count).view([count, heads, groups]).permute([2, 1, 0])
      dq1, dk1, dv1 = self.grouped_attend_backward(self.query_heads(dout, start + first, count, heads, groups), self.query_heads(q, start + first, count, heads, groups), self.key_heads(k, start + first_key, keys, heads, groups), self.key_heads(v, start + first_key, keys, heads, groups), self.query_heads(out, start + first, count, heads, groups), lse, bias, whole, scale, softcap, fused)
      dq.narrow(0, start + first, count).copy_(self.rows_of_heads(dq1))
      self.add_heads(dk.narrow(0, start + first_key, keys), dk1)
      self.add_heads(dv.narrow(0, start + first_key, keys), dv1)
      b = b + 4
    if parent >= 0:
      count, keys = self.reach(length, lengths[parent], window)
      if count > 0 and keys > 0:
        before = starts[parent] + lengths[parent] - keys
        bias = self.position_bias(slopes, heads, groups, 0, count, -keys, keys, window, window > 0 and count + keys > window, q.device)
        lse = sums.narrow(0, start, count).view([count, heads, groups]).permute([2, 1, 0])
        dq2, dk2, dv2 = self.grouped_attend_backward(self.query_heads(dout, start, count, heads, groups), self.query_heads(q, start, count, heads, groups), self.key_heads(k, before, keys, heads, groups), self.key_heads(v, before, keys, heads, groups), self.query_heads(out, start, count, heads, groups), lse, bias, False, scale, softcap, fused)
        rows = dq.narrow(0, start, count)
        rows.copy_(self.rows_of_heads(dq2).to(6) + rows)
        self.add_heads(dk.narrow(0, before, keys), dk2)
        self.add_heads(dv.narrow(0, before, keys), dv2)
    i = i + 1
  return dq, dk.to(k.dtype), dv.to(v.dtype)

# Prompts of a fresh cache: the last `slots` keys and values of row b go to cache[b, :, position % slots]. cache: (B, H, slots, d).
def grouped_fill(self: __torch__.K, k: Tensor, v: Tensor, keys: Tensor, values: Tensor, lengths: List[int]) -> Tensor:
  heads = keys.size(1)
  slots = keys.size(2)
  start = 0
  i = 0
  for length in lengths:
    count = min(length, slots)
    first = length - count
    places = torch.arange(first, length, dtype=4, layout=None, device=keys.device).remainder_(slots)
    keys.select(0, i).index_copy_(1, places, k.narrow(0, start + first, count).view([count, heads, -1]).transpose(0, 1))
    values.select(0, i).index_copy_(1, places, v.narrow(0, start + first, count).view([count, heads, -1]).transpose(0, 1))
    start = start + length
    i = i + 1
  return keys

# Puts a token of every row into a cache: rows of the cache seen as (B * H * slots, d).
def grouped_put(self: __torch__.K, k: Tensor, v: Tensor, keys: Tensor, values: Tensor, places: Tensor) -> Tensor:
  width = keys.size(3)
  keys.view([-1, width]).index_copy_(0, places, k.reshape([-1, width]))
  return values.view([-1, width]).index_copy_(0, places, v.reshape([-1, width]))

def first_slots(self: __torch__.K, cache: Tensor, count: int) -> Tensor:
  return cache.narrow(2, 0, count)

# Which slots a step may see, (B, 1, 1, slots) as a bias of 0 and -inf. positions: (B), where the new tokens stand. A cache of a window is a ring: once
# it is full, every slot is one of the last tokens.
def slots_seen(self: __torch__.K, positions: Tensor, slots: int) -> Tensor:
  steps = torch.arange(slots, dtype=4, layout=None, device=positions.device).view([1, 1, 1, -1])
  hidden = torch.gt(steps, positions.view([-1, 1, 1, 1]))
  return torch.zeros(hidden.size(), dtype=6, layout=None, device=positions.device).masked_fill_(hidden, -inf)

# Which position a slot holds: the last one that fell on it. positions: (B), where the new tokens stand. (B, 1, 1, count) of a ring of `slots`.
def slot_positions(self: __torch__.K, positions: Tensor, count: int, slots: int) -> Tensor:
  steps = torch.arange(count, dtype=4, layout=None, device=positions.device).view([1, 1, 1, -1])
  rounds = torch.div(positions.view([-1, 1, 1, 1]) - steps, slots, rounding_mode="floor")
  return (steps + rounds.clamp_min_(0) * slots).to(6)

# One new token per row; its keys and values are in the cache. q: (B, H * G * d); keys, values: (B, H, T, d); seen: (B, 1, 1, T); places: of
# slot_positions. Returns (B, H * G * d). The query heads of a group are taken for G queries at one place.
def grouped_decode(self: __torch__.K, q: Tensor, keys: Tensor, values: Tensor, seen: Tensor, places: Tensor, slopes: List[Tensor], scale: float, softcap: float, fused: bool) -> Tensor:
  rows = q.size(0)
  heads = keys.size(1)
  bias = seen
  if len(slopes) > 0:
    bias = self.slope_bias(slopes, slopes[0].view([1, heads, -1, 1]), places) + seen
  o, _lse = self.grouped_attend(q.view([rows, heads, -1, keys.size(3)]), keys, values, [bias], False, scale, softcap, fused)
  return o.reshape([rows, -1])
