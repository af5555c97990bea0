#!/usr/bin/env python3
"""Draws every sample picture. Deterministic: the same versions give the same bytes.

    python3 -m venv /tmp/samples && /tmp/samples/bin/pip install pillow==13.0.0 numpy==2.4.6
    /tmp/samples/bin/python samples/generate.py
"""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image, ImageCms, ImageDraw

HERE = Path(__file__).parent


# --- Tools -----------------------------------------------------------------------------------


def grid(width, height):
    """x and y from 0 to 1, as arrays of the picture's shape."""
    y, x = np.mgrid[0:height, 0:width]
    return x / (width - 1), y / (height - 1)


def noise(width, height, cells, seed, octaves=5, stretch=1.0):
    """Cloud-like noise between 0 and 1; `stretch` above 1 draws it out sideways."""
    random = np.random.default_rng(seed)
    total, weight, amplitude = np.zeros((height, width)), 0.0, 1.0
    for octave in range(octaves):
        columns = max(2, int(cells * 2**octave / stretch))
        rows = max(2, int(cells * 2**octave * height / width))
        coarse = Image.fromarray(random.random((rows, columns)).astype(np.float32))
        total += amplitude * np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC))
        weight += amplitude
        amplitude *= 0.5
    total /= weight
    return np.clip((total - total.min()) / (total.max() - total.min()), 0, 1)


def ramp(values, stops):
    """Colours between the stops `(position, (r, g, b))` for an array of values."""
    positions = [position for position, _ in stops]
    channels = [np.interp(values, positions, [c[i] for _, c in stops]) for i in range(3)]
    return np.stack(channels, axis=-1)


def mix(below, above, amount):
    amount = np.asarray(amount)[..., None]
    return below * (1 - amount) + np.asarray(above, dtype=float) * amount


def picture(array):
    return Image.fromarray(np.clip(np.round(array), 0, 255).astype(np.uint8))


def grain(array, seed, strength=2.0):
    random = np.random.default_rng(seed)
    return array + random.normal(0, strength, array.shape[:2])[..., None]


def drawn(size, paint, scale=3):
    """A smooth-edged mask or layer, painted larger and reduced."""
    layer = Image.new("RGBA", (size[0] * scale, size[1] * scale), (0, 0, 0, 0))
    paint(ImageDraw.Draw(layer), scale)
    return layer.resize(size, Image.Resampling.LANCZOS)


def over(array, layer):
    layer = np.asarray(layer).astype(float)
    return mix(array, 0, layer[..., 3] / 255) + layer[..., :3] * layer[..., 3:] / 255


def save(name, image, **options):
    image.save(HERE / name, **options)


def srgb_profile():
    """Pillow's sRGB profile without the time at which it was made."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    profile[24:36] = struct.pack(">6H", 2024, 1, 1, 0, 0, 0)
    profile[84:100] = bytes(16)
    return bytes(profile)


def png16(name, array):
    """Sixteen bits a sample, which Pillow does not write for colour."""
    height, width, _ = array.shape
    raw = array.astype(">u2").tobytes()
    row, out, above = width * 6, [], np.zeros(width * 6, np.uint8)
    for y in range(height):
        line = np.frombuffer(raw[y * row:(y + 1) * row], np.uint8)
        out.append(b"\x02" + (line - above).tobytes())
        above = line

    def chunk(kind, data):
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0)
    text = b"Title\0A planet above its moon, sixteen bits a sample"
    (HERE / name).write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"pHYs", struct.pack(">IIB", 5906, 5906, 1))
        + chunk(b"tEXt", text)
        + chunk(b"IDAT", zlib.compress(b"".join(out), 9))
        + chunk(b"IEND", b"")
    )


# --- Scenes ----------------------------------------------------------------------------------


def lighthouse(width=1200, height=800):
    x, y = grid(width, height)
    sky = ramp(y, [(0, (24, 32, 82)), (0.3, (92, 70, 128)), (0.5, (226, 122, 98)), (0.62, (255, 206, 128))])
    clouds = noise(width, height, 4, 11, stretch=3.0)
    sky = mix(sky, (255, 170, 150), np.clip((clouds - 0.52) * 2.6, 0, 0.75) * np.clip(1 - y / 0.62, 0, 1))
    glow = np.exp(-(((x - 0.24) * 1.5) ** 2 + (y - 0.6) ** 2) / 0.012)
    sky = mix(sky, (255, 246, 210), glow)
    waves = noise(width, height, 26, 12, 4, stretch=7.0)
    depth = np.clip((y - 0.62) / 0.38, 0, 1)
    sea = ramp(depth, [(0, (214, 140, 112)), (0.25, (96, 84, 122)), (1, (16, 28, 62))])
    sea += ((waves - 0.5) * 74 * (0.3 + depth))[..., None]
    glitter = np.exp(-((x - 0.24) ** 2) / (0.003 + 0.02 * depth)) * np.clip((waves - 0.5) * 4.5, 0, 1)
    sea = mix(sea, (255, 226, 170), glitter)
    scene = np.where((y < 0.62)[..., None], sky, sea)

    beam_y = 0.268
    slope = (y - beam_y) / np.maximum(0.725 - x, 1e-3)
    beam = np.exp(-((slope - 0.06) ** 2) / 0.004) * (x < 0.725) * np.clip(1 - (0.725 - x) * 1.25, 0, 1)
    scene = mix(scene, (255, 240, 196), beam * 0.55)

    cliff = 0.70 - 0.13 * np.clip((x - 0.5) / 0.25, 0, 1) ** 0.7
    cliff += (noise(width, height, 9, 13)[height // 2] - 0.5) * 0.06
    inside = (y > cliff) & (x > 0.47 + (y - 0.66) * -0.3)
    rock = noise(width, height, 22, 14, stretch=1.6)
    grass = np.clip(1 - (y - cliff) / 0.05, 0, 1)
    stone = ramp(rock, [(0, (20, 18, 30)), (1, (92, 74, 84))]) * (1.05 - 0.7 * (x[..., None] - 0.5))
    stone = mix(stone, (58, 82, 54), grass * (0.5 + rock / 2))
    scene = np.where(inside[..., None], stone, scene)

    def paint(draw, s):
        def p(*points):
            return [(px * width * s, py * height * s) for px, py in points]

        draw.polygon(p((0.694, 0.585), (0.756, 0.585), (0.744, 0.30), (0.706, 0.30)), fill=(238, 230, 224, 255))
        for top in (0.335, 0.425, 0.515):
            def edge(at):
                return 0.694 + (0.585 - at) / 0.285 * 0.012
            bottom = top + 0.042
            draw.polygon(p((edge(bottom), bottom), (1.45 - edge(bottom), bottom), (1.45 - edge(top), top), (edge(top), top)), fill=(190, 48, 52, 255))
        draw.polygon(p((0.725, 0.30), (0.744, 0.30), (0.756, 0.585), (0.735, 0.585)), fill=(40, 30, 60, 88))
        draw.rectangle(p((0.699, 0.292), (0.751, 0.302)), fill=(44, 40, 56, 255))
        draw.rectangle(p((0.711, 0.245), (0.739, 0.292)), fill=(255, 236, 160, 255))
        for bar in (0.711, 0.7245, 0.738):
            draw.rectangle(p((bar - 0.0012, 0.245), (bar + 0.0012, 0.292)), fill=(44, 40, 56, 255))
        draw.polygon(p((0.706, 0.245), (0.744, 0.245), (0.725, 0.20)), fill=(150, 38, 44, 255))
        draw.rectangle(p((0.775, 0.548), (0.845, 0.60)), fill=(226, 214, 206, 255))
        draw.polygon(p((0.768, 0.55), (0.852, 0.55), (0.832, 0.51), (0.788, 0.51)), fill=(140, 52, 50, 255))
        for window in (0.788, 0.818):
            draw.rectangle(p((window, 0.562), (window + 0.012, 0.584)), fill=(255, 210, 120, 255))

    scene = over(scene, drawn((width, height), paint))
    lamp = np.exp(-(((x - 0.725) * 1.5) ** 2 + (y - beam_y) ** 2) / 0.0009)
    return picture(grain(mix(scene, (255, 250, 220), lamp * 0.8), 15, 2.5))


def mountains(width=1100, height=700):
    x, y = grid(width, height)
    scene = ramp(y, [(0, (120, 178, 214)), (0.35, (206, 222, 220)), (0.6, (250, 232, 206))])
    scene = mix(scene, (255, 252, 240), np.exp(-((x - 0.7) ** 2 * 2.4 + (y - 0.2) ** 2) / 0.004))
    for layer in range(6):
        near = layer / 5
        ridge = noise(width, 64, 3 + layer * 1.4, 40 + layer, 7)[32]
        line = 0.30 + layer * 0.125 - ridge * (0.30 - 0.11 * near)
        colour = np.array([150, 186, 196]) * (1 - near) + np.array([18, 46, 50]) * near
        below = np.clip(y - line, 0, 1)
        mist = np.clip(below / 0.2, 0, 1)[..., None] * (1 - near) * np.array([66, 50, 34])
        texture = (noise(width, height, 30, 60 + layer, 3) - 0.5)[..., None] * 16 * near
        scene = np.where((y > line)[..., None], colour + mist + texture, scene)
    return picture(grain(scene, 66, 1.5))


def dunes(width=900, height=600):
    x, y = grid(width, height)
    bend = noise(width, height, 2, 21, 3)
    shade = np.zeros((height, width))
    for row, offset in enumerate((0.30, 0.47, 0.70)):
        line = offset + 0.10 * np.sin(3.2 * x + row * 2.1) + 0.10 * (bend[height // 2] - 0.5)
        depth = np.clip((y - line) / 0.35, 0, 1)
        crest = 0.5 + 0.45 * np.cos(3.2 * x + row * 2.1 + depth * 1.2)
        ripple = 0.045 * np.sin((y * 95 + bend * 30 + 5 * np.sin(8 * x)) * (1.6 - 0.35 * row)) * depth
        lit = 0.25 + 0.6 * crest * (1 - 0.45 * depth) + ripple
        shade = np.where(y > line, lit, shade)
    sky = 0.78 - 0.5 * y + 0.1 * (noise(width, height, 3, 22, stretch=4) - 0.5)
    first = 0.30 + 0.10 * np.sin(3.2 * x) + 0.10 * (bend[height // 2] - 0.5)
    shade = np.where(y > first, shade, sky)
    random = np.random.default_rng(23)
    return picture(shade * 245 + random.normal(0, 3, shade.shape)).convert("L")


def balloons(width=600, height=900):
    x, y = grid(width, height)
    scene = ramp(y, [(0, (52, 128, 208)), (0.7, (176, 222, 244)), (1, (250, 240, 222))])
    clouds = noise(width, height, 3, 31, stretch=2.0)
    scene = mix(scene, (255, 255, 255), np.clip((clouds - 0.5) * 2.4, 0, 0.85))
    hills = 0.9 - 0.05 * np.sin(5 * x + 1) - 0.03 * np.sin(11 * x)
    scene = np.where((y > hills)[..., None], ramp(y + 0.2 * clouds, [(0.9, (96, 158, 92)), (1.15, (40, 96, 70))]), scene)
    sets = [
        (0.36, 0.33, 0.27, [(214, 50, 62), (250, 196, 72)]),
        (0.79, 0.58, 0.13, [(40, 92, 168), (244, 244, 238)]),
        (0.74, 0.15, 0.085, [(122, 62, 150), (246, 150, 92)]),
    ]
    for centre_x, centre_y, radius, colours in sets:
        u, v = (x - centre_x) / radius, (y - centre_y) * height / width / radius
        taper = np.where(v > 0.35, 1 - 0.62 * np.clip((v - 0.35) / 0.95, 0, 1), 1.0)
        inside = ((u / taper) ** 2 + np.where(v < 0.35, (v / 1.02) ** 2, 0.115) < 1) & (v < 1.28) & (v > -1.02)
        inside &= (u / taper) ** 2 + (v / 1.32) ** 2 < 1.0
        stripe = np.floor(np.arcsin(np.clip(u / taper, -1, 1)) / np.pi * 12 + 0.5).astype(int) % 2
        body = np.where(stripe[..., None] == 0, colours[0], colours[1]).astype(float)
        body *= (0.62 + 0.5 * np.clip(0.75 - 0.6 * u - 0.3 * v, 0, 1))[..., None]
        scene = np.where(inside[..., None], body, scene)
        ropes = (np.abs(np.abs(u) - (0.36 - 0.14 * (v - 1.1) / 0.45)) < 0.012) & (v > 1.1) & (v < 1.62)
        scene = np.where(ropes[..., None], (70, 52, 40), scene)
        basket = (np.abs(u) < 0.19) & (v > 1.58) & (v < 1.86)
        weave = 118 + 26 * np.sin(v * 70)[..., None] * np.array([1, 1, 1])
        scene = np.where(basket[..., None], weave * np.array([1, 0.7, 0.42]), scene)
    return picture(grain(scene, 33, 1.5))


def aurora(width=960, height=640):
    x, y = grid(width, height)
    scene = ramp(y, [(0, (4, 8, 30)), (0.75, (14, 40, 66)), (1, (30, 60, 74))])
    random = np.random.default_rng(51)
    for _ in range(420):
        sx, sy = random.integers(1, width - 1), random.integers(1, int(height * 0.78))
        scene[sy, sx] += random.uniform(60, 230)
    for band in range(3):
        wave = 0.46 + 0.1 * np.sin(4.2 * x + band * 1.9) + 0.05 * np.sin(11 * x + band) - 0.1 * band
        rays = 0.55 + 0.45 * noise(width, 64, 26, 52 + band, 3)[20]
        up = np.clip(wave - y, 0, 1)
        light = np.where(y < wave, np.exp(-up / (0.16 * rays + 0.02)), np.exp(-((y - wave) / 0.018) ** 2)) * rays
        colour = ramp(up, [(0, (90, 255, 150)), (0.18, (60, 200, 190)), (0.4, (170, 70, 200))])
        scene += colour * light[..., None] * (0.75 - 0.16 * band)
    line = 0.86 - 0.1 * noise(width, 64, 5, 56, 6)[10]
    scene = np.where((y > line)[..., None], (6, 10, 18), scene)
    trees = 0.93 - 0.06 * np.abs(((x * 46) % 1) - 0.5) * 2 * (0.5 + noise(width, 64, 46, 57, 2)[5])
    scene = np.where((y > trees)[..., None], (2, 4, 8), scene)
    return picture(grain(scene, 58, 1.5))


def valley(width=3000, height=2000):
    x, y = grid(width, height)
    scene = ramp(y, [(0, (66, 120, 190)), (0.4, (190, 214, 232)), (0.5, (238, 226, 208))])
    clouds = noise(width, height, 4, 71, 6, stretch=2.5)
    scene = mix(scene, (252, 250, 248), np.clip((clouds - 0.48) * 3, 0, 0.9) * np.clip(1 - y * 1.7, 0, 1))
    for layer, (top, far, nearby) in enumerate([
        (0.42, (132, 156, 182), (168, 184, 196)), (0.50, (104, 134, 138), (146, 162, 150)),
        (0.58, (84, 120, 88), (132, 150, 96)), (0.70, (66, 104, 52), (160, 160, 78)),
    ]):
        ridge = noise(width, 64, 3 + layer, 80 + layer, 7 - layer)[30]
        line = top - (0.16 - 0.03 * layer) * ridge
        field = noise(width, height, 8 + 9 * layer, 90 + layer, 5, stretch=1.5)
        colour = ramp(field, [(0.2, far), (0.8, nearby)]) * (0.86 + 0.2 * field)[..., None]
        scene = np.where((y > line)[..., None], colour, scene)
    centre = 0.52 + 0.10 * np.sin((y - 0.55) * 9) * (y - 0.5) * 2
    river = np.abs(x - centre) < 0.006 + 0.12 * np.clip(y - 0.58, 0, 1) ** 1.6
    water = ramp(y + 0.05 * clouds, [(0.58, (206, 222, 230)), (1.0, (70, 120, 160))])
    scene = np.where((river & (y > 0.585))[..., None], water, scene)
    return picture(grain(scene, 99, 1.0))


def julia(width=420, height=300):
    x, y = grid(width, height)
    z = (x - 0.5) * 3.1 + 1j * (y - 0.5) * 2.2
    c, steps = -0.7269 + 0.1889j, np.zeros(z.shape)
    alive = np.ones(z.shape, bool)
    for _ in range(160):
        z = np.where(alive, z * z + c, z)
        escaped = alive & (np.abs(z) > 8)
        steps += alive
        alive &= ~escaped
    smooth = steps - np.log2(np.maximum(np.log(np.maximum(np.abs(z), 1.001)), 1e-9))
    t = np.where(alive, 0, np.log1p(np.clip(smooth, 0, 160)) / np.log(161))
    return picture(ramp(t, [(0, (8, 6, 32)), (0.45, (24, 60, 130)), (0.62, (40, 160, 180)), (0.75, (250, 220, 130)), (0.9, (220, 70, 60)), (1, (60, 8, 40))]))


def bubbles(width=440, height=330):
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    colour, alpha = np.zeros((height, width, 3)), np.zeros((height, width))
    random = np.random.default_rng(101)
    for _ in range(13):
        r = random.uniform(24, 78)
        cx, cy, hue = random.uniform(r, width - r), random.uniform(r, height - r), random.uniform(0, 6.28)
        d = np.hypot(x - cx, y - cy) / r
        rim = np.clip(d, 0, 1) ** 4 * np.clip((1 - d) * r, 0, 1)
        angle = np.arctan2(y - cy, x - cx)
        film = np.stack([150 + 105 * np.sin(angle * 2 + d * 7 + hue + k * 2.1) for k in range(3)], -1)
        shine = np.exp(-(((x - cx + 0.38 * r) / (0.17 * r)) ** 2 + ((y - cy + 0.42 * r) / (0.11 * r)) ** 2))
        layer = np.clip(rim * 0.9 + 0.10 * (d < 1), 0, 1)
        layer = np.clip(layer + shine * 0.9 * (d < 1), 0, 1)
        film = mix(film, (255, 255, 255), shine)
        total = layer + alpha * (1 - layer)
        colour = np.where(total[..., None] > 0, (film * layer[..., None] + colour * (alpha * (1 - layer))[..., None]) / np.maximum(total, 1e-6)[..., None], colour)
        alpha = total
    return picture(np.dstack([colour // 6 * 6, alpha * 255]))


def planet(width=360, height=240):
    x, y = grid(width, height)
    aspect = width / height
    scene = ramp(y, [(0, (0.02, 0.03, 0.09)), (1, (0.10, 0.06, 0.20))])
    for cx, cy, r, colours in [
        (0.40, 0.46, 0.30, [(0, (0.95, 0.62, 0.34)), (0.5, (0.98, 0.85, 0.60)), (1, (0.60, 0.30, 0.24))]),
        (0.83, 0.70, 0.09, [(0, (0.75, 0.80, 0.90)), (1, (0.40, 0.44, 0.56))]),
    ]:
        u, v = (x - cx) * aspect / r, (y - cy) / r
        d = u * u + v * v
        z = np.sqrt(np.clip(1 - d, 0, 1))
        light = np.clip(-0.55 * u - 0.45 * v + 0.7 * z, 0.02, 1)
        bands = 0.5 + 0.5 * np.sin(v * 9 + 0.5 * np.sin(3 * u))
        edge = np.clip((1 - np.sqrt(d)) * r * height, 0, 1)
        scene = mix(scene, ramp(bands, colours) * light[..., None], edge)
    return np.clip(np.round(scene * 65535), 0, 65535).astype(np.uint16)


def quilt(size=512):
    image = Image.new("P", (size, size), 0)
    colours = [(250, 243, 224), (35, 61, 77), (254, 127, 45), (252, 202, 70), (161, 193, 129), (97, 155, 138), (203, 75, 75), (84, 71, 140)]
    image.putpalette([value for colour in colours for value in colour])
    draw, cell = ImageDraw.Draw(image), size // 8
    random = np.random.default_rng(111)
    for row in range(8):
        for column in range(8):
            left, top = column * cell, row * cell
            box = (left, top, left + cell - 1, top + cell - 1)
            back, front, dot = random.permutation(8)[:3]
            draw.rectangle(box, fill=int(back))
            shape = random.integers(0, 4)
            if shape == 0:
                draw.polygon([(left, top), (left + cell - 1, top), (left, top + cell - 1)], fill=int(front))
            elif shape == 1:
                draw.pieslice((left - cell, top - cell, left + cell - 1, top + cell - 1), 0, 90, fill=int(front))
            elif shape == 2:
                draw.ellipse(box, fill=int(front))
                draw.ellipse((left + 18, top + 18, left + cell - 19, top + cell - 19), fill=int(dot))
            else:
                draw.polygon([(left + cell // 2, top), (left + cell - 1, top + cell // 2), (left + cell // 2, top + cell - 1), (left, top + cell // 2)], fill=int(front))
    return image


def moon(size=320):
    """A crescent that fades out: gray with alpha."""
    x, y = grid(size, size)
    u, v = (x - 0.5) / 0.44, (y - 0.5) / 0.44
    d = np.hypot(u, v)
    crater = noise(size, size, 7, 121, 5)
    shade = 150 + 95 * crater
    for cx, cy, r in [(-0.45, -0.2, 0.16), (-0.5, 0.35, 0.2), (-0.15, 0.6, 0.13), (-0.2, -0.65, 0.15), (-0.72, 0.05, 0.09)]:
        ring = np.hypot(u - cx, v - cy) / r
        shade += np.where(ring < 1, -38 * (1 - ring**2) , 26 * np.exp(-((ring - 1.05) / 0.12) ** 2))
    light = np.clip(0.55 - 1.1 * (u - 0.1), 0.0, 1.0)
    alpha = np.clip((1 - d) * size * 0.44, 0, 1) * (0.12 + 0.88 * light)
    gray = picture(np.clip(shade, 0, 255) // 4 * 4)
    return Image.merge("LA", [gray, picture(alpha * 255)])


def orbit_frames(size=220, count=24):
    frames = []
    colours = [(10, 12, 34), (255, 214, 102), (255, 170, 60), (110, 180, 255), (240, 110, 120), (150, 230, 170), (60, 66, 110), (200, 204, 230)]
    random = np.random.default_rng(131)
    stars = [(int(a * size * 3), int(b * size * 3)) for a, b in random.random((60, 2))]
    for index in range(count):
        image = Image.new("RGB", (size * 3, size * 3), colours[0])
        draw = ImageDraw.Draw(image)
        for sx, sy in stars:
            draw.ellipse((sx - 1, sy - 1, sx + 2, sy + 2), fill=colours[7])
        middle, turn = size * 1.5, 2 * np.pi * index / count
        for radius in (105, 180, 265):
            draw.ellipse((middle - radius, middle - radius, middle + radius, middle + radius), outline=colours[6], width=3)
        for radius, colour in ((62, colours[2]), (50, colours[1])):
            draw.ellipse((middle - radius, middle - radius, middle + radius, middle + radius), fill=colour)
        for orbit, speed, radius, colour in ((105, 3, 15, colours[4]), (180, 2, 24, colours[3]), (265, 1, 19, colours[5])):
            px, py = middle + orbit * np.cos(turn * speed), middle + orbit * np.sin(turn * speed)
            draw.ellipse((px - radius, py - radius, px + radius, py + radius), fill=colour)
        small = image.resize((size, size), Image.Resampling.LANCZOS)
        frames.append(small.quantize(32, dither=Image.Dither.NONE))
    return frames


def flower(width=800, height=600):
    x, y = grid(width, height)
    blur = noise(width, height, 4, 141, 3)
    scene = ramp(blur, [(0, (18, 60, 42)), (0.6, (66, 120, 62)), (1, (150, 176, 96))])
    random = np.random.default_rng(142)
    for _ in range(26):
        cx, cy, r = random.uniform(0, 1), random.uniform(0, 1), random.uniform(0.02, 0.07)
        d = np.hypot((x - cx) * width / height, y - cy)
        scene = mix(scene, (190, 214, 130), 0.22 / (1 + np.exp((d - r) * 160)))
    u, v = (x - 0.5) * width / height / 0.42, (y - 0.5) / 0.42
    radius, angle = np.hypot(u, v), np.arctan2(v, u)
    for ring, (count, reach, tint) in enumerate([(13, 1.0, (236, 108, 150)), (11, 0.8, (246, 142, 172)), (9, 0.58, (252, 184, 196))]):
        phase = angle * count / (2 * np.pi) + ring * 0.37
        across = np.abs(phase - np.floor(phase) - 0.5) * 2
        length = reach * (1 - 0.28 * across**2.2)
        petal = 1 / (1 + np.exp((radius - length) * 70))
        shade = 0.62 + 0.38 * radius / reach - 0.22 * across + 0.05 * np.sin(across * 30)
        scene = mix(scene, np.array(tint) * np.clip(shade, 0.3, 1.1)[..., None], petal)
    seeds = 0.75 + 0.25 * np.sin(radius * 90) * np.sin(angle * 21 + radius * 40)
    scene = mix(scene, np.array([238, 184, 60]) * seeds[..., None], 1 / (1 + np.exp((radius - 0.22) * 60)))
    return picture(grain(scene, 143, 1.5))


def arcs(draw, place, corner, cell):
    """Three quarter rings, one within the other, around a corner of a tile."""
    (x, y), cream, coral, indigo = corner, (244, 241, 222, 255), (224, 122, 95, 255), (61, 64, 91, 255)
    for width, colour in ((0.36, cream), (0.22, coral), (0.08, indigo)):
        tile = Image.new("L", (cell, cell), 0)
        pen = ImageDraw.Draw(tile)
        for radius, fill in ((0.5 + width / 2, 255), (0.5 - width / 2, 0)):
            r = radius * cell
            pen.ellipse((x - r, y - r, x + r, y + r), fill=fill)
        draw.bitmap(place, tile, fill=colour)


def truchet(columns=12, rows=8, cell=40):
    width, height = columns * cell, rows * cell
    random = np.random.default_rng(151)

    def paint(draw, s):
        c = cell * s
        for row in range(rows):
            for column in range(columns):
                left, top = column * c, row * c
                falls = random.random() < 0.5
                corners = [(0, 0), (c, c)] if falls else [(c, 0), (0, c)]
                for corner in corners:
                    arcs(draw, (left, top), corner, c)

    back = np.full((height, width, 3), (61.0, 64.0, 91.0))
    return picture(over(back, drawn((width, height), paint)) // 4 * 4)


def sunset(width=300, height=200):
    x, y = grid(width, height)
    scene = ramp(y, [(0, (58, 12, 90)), (0.35, (222, 60, 120)), (0.6, (255, 160, 70))])
    d = np.hypot((x - 0.5) * width / height, y - 0.47)
    bars = (y < 0.40) | (np.sin(y * 120) > -0.35 + (y - 0.4) * 4)
    scene = mix(scene, ramp(y, [(0.2, (255, 240, 120)), (0.7, (255, 90, 130))]), np.clip((0.30 - d) * height, 0, 1) * bars)
    depth = np.clip(y - 0.62, 1e-3, 1)
    lines = (np.abs(((x - 0.5) / depth * 1.4) % 1 - 0.5) > 0.46) | (np.abs((1.5 / depth) % 1 - 0.5) > 0.42)
    floor = np.where(lines[..., None], (110, 240, 255), (30, 8, 60))
    return picture(np.where((y > 0.62)[..., None], floor, scene))


def invader(scale=10):
    rows = ["..A.....A..", "...A...A...", "..AAAAAAA..", ".AABAAABAA.", "AAAAAAAAAAA", "A.AAAAAAA.A", "A.A.....A.A", "...CC.CC..."]
    image = Image.new("P", (15 * scale, 12 * scale), 0)
    image.putpalette([24, 20, 37, 99, 199, 77, 255, 255, 255, 254, 174, 52])
    draw = ImageDraw.Draw(image)
    for row, line in enumerate(rows):
        for column, mark in enumerate(line):
            if mark != ".":
                left, top = (column + 2) * scale, (row + 2) * scale
                draw.rectangle((left, top, left + scale - 1, top + scale - 1), fill="ABC".index(mark) + 1)
    return image


def contours(width=480, height=360):
    h = noise(width, height, 3, 161, 5)
    land = ramp(h, [(0, (60, 120, 170)), (0.34, (150, 200, 220)), (0.36, (206, 222, 160)), (0.6, (226, 200, 130)), (0.8, (190, 130, 90)), (1, (250, 250, 250))])
    steps = h * 22
    gradient = np.hypot(*np.gradient(steps)) + 1e-6
    distance = np.abs(steps - np.round(steps)) / gradient
    thick = np.where(np.round(steps) % 5 == 0, 1.3, 0.7)
    return picture(mix(land // 6 * 6, (96, 66, 50), np.clip(thick - distance + 0.3, 0, 1) * 0.75) // 3 * 3)


def poster(width=6000, height=4000):
    """Twenty-four megapixels of plain shapes, so few bytes."""
    image = Image.new("RGB", (width, height), (241, 233, 218))
    draw = ImageDraw.Draw(image)
    red, blue, yellow, black, teal = (214, 64, 46), (38, 70, 110), (242, 182, 50), (32, 30, 34), (70, 140, 134)
    draw.ellipse((900, 500, 3300, 2900), fill=red)
    draw.pieslice((2400, 1300, 4800, 3700), 0, 180, fill=blue)
    draw.pieslice((2400, 1300, 4800, 3700), 180, 270, fill=yellow)
    draw.polygon([(400, 3600), (1800, 1900), (3000, 3600)], fill=teal)
    for index in range(7):
        top = 420 + index * 150
        draw.rectangle((4100, top, 5500 - index * 120, top + 70), fill=black)
    for ring in range(5):
        r = 620 - ring * 120
        draw.ellipse((5000 - r, 3100 - r, 5000 + r, 3100 + r), outline=black, width=36)
    draw.ellipse((1850, 1250, 2350, 1750), fill=(241, 233, 218))
    draw.line((300, 300, 2400, 3800), fill=black, width=44)
    draw.rectangle((0, 0, width - 1, height - 1), outline=black, width=90)
    return image


# --- Files -----------------------------------------------------------------------------------


def exif_with(orientation, description, thumbnail=None):
    """An EXIF block with an orientation and, in a second directory, a small JPEG."""
    text = description.encode() + b"\0"
    entries, data = 2, 8 + 2 + 2 * 12 + 4
    second = data + len(text) + len(text) % 2
    block = b"II*\0" + struct.pack("<I", 8) + struct.pack("<H", entries)
    block += struct.pack("<HHII", 0x010E, 2, len(text), data)
    block += struct.pack("<HHIHH", 0x0112, 3, 1, orientation, 0)
    block += struct.pack("<I", second if thumbnail else 0)
    block += text + b"\0" * (len(text) % 2)
    if thumbnail:
        at = second + 2 + 2 * 12 + 4
        block += struct.pack("<H", 2)
        block += struct.pack("<HHII", 0x0201, 4, 1, at)
        block += struct.pack("<HHII", 0x0202, 4, 1, len(thumbnail))
        block += struct.pack("<I", 0) + thumbnail
    return b"Exif\0\0" + block


def thumbnail_of(image):
    small = image.copy()
    small.thumbnail((120, 120))
    out = io.BytesIO()
    small.save(out, "JPEG", quality=70)
    return out.getvalue()


def main():
    save("lighthouse.jpg", lighthouse(), quality=85, dpi=(72, 72), comment="A lighthouse at dusk")
    save("mountains-progressive.jpg", mountains(), quality=80, progressive=True)
    save("dunes-gray.jpg", dunes(), quality=82)
    upright = balloons()
    # Tag 6 says: turn by a quarter clockwise to see it upright.
    stored = upright.transpose(Image.Transpose.ROTATE_90)
    exif = exif_with(6, "Balloons over hills, stored on their side", thumbnail_of(stored))
    save("balloons-orientation-6.jpg", stored, quality=85, exif=exif)
    save("aurora-profile.jpg", aurora(), quality=88, subsampling=0, icc_profile=srgb_profile())
    save("valley-6-megapixels.jpg", valley(), quality=62, restart_marker_rows=8)
    save("julia.png", julia(), optimize=True)
    save("bubbles-alpha.png", bubbles(), optimize=True)
    png16("planet-16-bit.png", planet())
    save("quilt-palette.png", quilt(), optimize=True)
    save("moon-gray-alpha.png", moon(), optimize=True)
    frames = orbit_frames()
    save("orbits-animated.gif", frames[0], save_all=True, append_images=frames[1:], duration=80, loop=0)
    save("flower-lossy.webp", flower(), quality=78, method=6)
    save("truchet-lossless.webp", truchet(), lossless=True, method=6)
    save("sunset.bmp", sunset())
    save("invader-palette.bmp", invader())
    save("contours.tif", contours(), compression="tiff_lzw", dpi=(150, 150), icc_profile=srgb_profile())
    save("poster-24-megapixels.png", poster(), optimize=True)


if __name__ == "__main__":
    main()
