# Rotary positions (Su et al. 2021): pairs of numbers of each head are turned by the angles of their token. x: (N, H * d), cos and sin:
# (N, R / 2) in fp32, R <= d the part of a head that turns. A pair is (i, i + R/2), or (2i, 2i + 1) where interleaved.

def rotate(self: __torch__.K, x: Tensor, cos: Tensor, sin: Tensor, heads: int, interleaved: bool) -> Tensor:
  n = x.size(0)
  half = cos.size(1)
  y = torch.empty(x.size(), dtype=x.dtype, layout=None, device=x.device).copy_(x)
  turned = y.view([n, heads, -1]).narrow(2, 0, 2 * half)
  if interleaved:
    pairs = turned.unflatten(2, [half, 2])
    first = pairs.select(3, 0)
    second = pairs.select(3, 1)
  else:
    first = turned.narrow(2, 0, half)
    second = turned.narrow(2, half, half)
  c = cos.unsqueeze(1)
  s = sin.unsqueeze(1)
  a = first.to(6)
  b = second.to(6)
  turned_first = torch.mul(a, c).addcmul_(b, s, value=-1.0)
  second.copy_(torch.mul(b, c).addcmul_(a, s))
  first.copy_(turned_first)
  return y

# The gradient: turned back, and scaled as the table is.
def rotate_back(self: __torch__.K, dy: Tensor, cos: Tensor, sin: Tensor, heads: int, interleaved: bool) -> Tensor:
  return self.rotate(dy, cos, sin.neg(), heads, interleaved)

# All keys of a cache, (B, H, T, d), where the angles depend on how long a row has become. cos, sin: (B, T, R / 2).
def rotate_cached(self: __torch__.K, keys: Tensor, longest: int, cos: Tensor, sin: Tensor, interleaved: bool) -> Tensor:
  x = keys.narrow(2, 0, longest).transpose(1, 2)
  rows = x.reshape([x.size(0) * longest, -1])
  y = self.rotate(rows, cos.reshape([rows.size(0), -1]), sin.reshape([rows.size(0), -1]), keys.size(1), interleaved)
  return y.view([x.size(0), longest, keys.size(1), -1]).transpose(1, 2)

# cos and sin of positions times frequencies. positions: (N), frequencies: (R / 2) or (N, R / 2), factors: (1) or (N, 1); all fp32.
def rotary_table(self: __torch__.K, positions: Tensor, frequencies: Tensor, factors: Tensor) -> Tuple[Tensor, Tensor]:
  angles = positions.unsqueeze(1) * frequencies
  return torch.cos(angles).mul_(factors), torch.sin(angles).mul_(factors)
