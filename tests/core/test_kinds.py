import io
import json
import math
import os
import random
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image as Pillow

from deepen.core.kinds import Image, Label, Number, Row, Vector, from_card, number, open_picture, to_card
from deepen.core.picture import FITS
from deepen.core.words import Problem

DATA = Path(os.environ.get("DEEPEN_DATA", Path(__file__).parents[2] / "../shared/data"))
nasty = pytest.mark.skipif(not (DATA / "nasty").is_dir(), reason="no nasty files in DEEPEN_DATA")

RED, BLUE = (220, 30, 30), (20, 40, 230)


def halves(size=(40, 20), left=RED, right=BLUE):
    """A picture whose left half is red and whose right half is blue."""
    picture = Pillow.new("RGB", size, left)
    picture.paste(right, (size[0] // 2, 0, size[0], size[1]))
    return picture


def saved(picture, form="PNG", **options):
    raw = io.BytesIO()
    picture.save(raw, form, **options)
    return raw.getvalue()


def colour(pixels, y, x):
    return pixels[:, y, x].tolist()


def near(given, wanted, by=6):
    return max(abs(a - b) for a, b in zip(given, wanted, strict=True)) <= by


# pictures that are read

@pytest.mark.parametrize("form, options", [("PNG", {}), ("JPEG", {"quality": 95}), ("BMP", {}), ("GIF", {}),
                                           ("WEBP", {"quality": 95}), ("TIFF", {}), ("PPM", {})])
def test_common_forms_are_read_as_red_green_blue(form, options):
    pixels = Image(3, 20, 40).read(saved(halves(), form, **options))
    assert pixels.shape == (3, 20, 40) and pixels.dtype == torch.uint8 and pixels.is_contiguous()
    assert near(colour(pixels, 10, 5), RED, 12) and near(colour(pixels, 10, 35), BLUE, 12)


def test_a_lossless_picture_comes_back_exactly():
    pixels = np.random.default_rng(0).integers(0, 256, (9, 7, 3), dtype=np.uint8)
    read = Image(3, 9, 7).read(saved(Pillow.fromarray(pixels)))
    assert torch.equal(read, torch.from_numpy(pixels).permute(2, 0, 1))


def test_grey_is_one_channel():
    pixels = Image(1, 20, 40).read(saved(halves()))
    assert pixels.shape == (1, 20, 40)
    wanted = 0.299 * RED[0] + 0.587 * RED[1] + 0.114 * RED[2]
    assert abs(int(pixels[0, 10, 5]) - wanted) <= 1


@pytest.mark.parametrize("form", ["PNG", "TIFF"])
def test_sixteen_bits_keep_their_range(form):
    ramp = np.linspace(0, 65535, 64).astype(np.uint16).reshape(1, 64).repeat(8, 0)
    pixels = Image(1, 8, 64).read(saved(Pillow.fromarray(ramp), form))[0, 4].int()
    assert pixels[0] == 0 and pixels[-1] == 255
    assert (pixels.diff() >= 0).all() and (pixels.diff() <= 5).all()


def test_sixteen_bits_with_small_values_are_not_stretched():
    pixels = Image(1, 4, 4).read(saved(Pillow.fromarray(np.full((4, 4), 77, np.uint16))))
    assert (pixels == 77).all()


@pytest.mark.parametrize("top, wanted", [(200, 200), (255, 255), (256, 16), (3000, 187), (4095, 255), (4096, 16), (30000, 117),
                                         (65535, 255)])
def test_the_depth_decides_what_is_white_not_the_brightest_pixel(top, wanted):
    ramp = np.linspace(0, top, 32).astype(np.uint16).reshape(1, 32).repeat(4, 0)
    pixels = Image(1, 4, 32).read(saved(Pillow.fromarray(ramp)))[0, 0]
    assert pixels[0] == 0 and abs(int(pixels[-1]) - wanted) <= 1


def test_pictures_judged_together_have_one_white():
    night = saved(Pillow.fromarray(np.full((4, 4), 200, np.uint16)))
    assert Image(1, 4, 4).read(night).unique().tolist() == [200]
    assert Image(1, 4, 4, white=65535).read(night).unique().tolist() == [1]
    assert Image(1, 4, 4, white=4095).read(night).unique().tolist() == [12]
    plain = saved(Pillow.new("L", (4, 4), 200))                             # 8 bits have no other white
    assert Image(1, 4, 4, white=65535).read(plain).unique().tolist() == [200]


@pytest.mark.parametrize("top, wanted", [(1.0, 255), (255.0, 255), (4095.0, 255), (65535.0, 255), (0.5, 128)])
def test_float_pictures_are_not_black(top, wanted):
    ramp = np.linspace(0, top, 32, dtype=np.float32).reshape(1, 32).repeat(4, 0)
    pixels = Image(1, 4, 32).read(saved(Pillow.fromarray(ramp), "TIFF"))[0, 0]
    assert pixels[0] == 0 and abs(int(pixels[-1]) - wanted) <= 1
    assert abs(int(pixels[16]) - wanted * 16 / 31) <= 1


def test_float_pictures_may_hold_nan():
    values = np.full((4, 4), 0.5, np.float32)
    values[0, 0], values[1, 1] = np.nan, np.inf
    pixels = Image(1, 4, 4).read(saved(Pillow.fromarray(values), "TIFF"))[0]
    assert pixels[0, 0] == 0 and pixels[3, 3] == 128


def test_cmyk_is_not_inverted():
    pixels = Image(3, 20, 40).read(saved(halves().convert("CMYK"), "JPEG", quality=95))
    red, blue = colour(pixels, 10, 5), colour(pixels, 10, 35)
    assert red[0] > 180 > 90 > red[2] and blue[2] > 180 > 90 > blue[0]


def test_palettes_and_one_bit():
    pixels = Image(3, 20, 40).read(saved(halves().quantize(8)))
    assert near(colour(pixels, 10, 5), RED) and near(colour(pixels, 10, 35), BLUE)
    bits = Image(1, 20, 40).read(saved(halves(left=(255, 255, 255), right=(0, 0, 0)).convert("1")))
    assert set(bits.unique().tolist()) == {0, 255}


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_what_is_transparent_becomes_white(mode):
    picture = halves(left=(0, 0, 0), right=(0, 0, 0)).convert("RGBA")
    picture.paste((0, 0, 0, 0), (20, 0, 40, 20))
    if mode == "P":
        picture = picture.quantize(4)
    pixels = Image(3, 20, 40).read(saved(picture.convert(mode)))
    assert near(colour(pixels, 10, 5), (0, 0, 0)) and near(colour(pixels, 10, 35), (255, 255, 255))


@pytest.mark.parametrize("orientation, turn", [(3, Pillow.Transpose.ROTATE_180), (6, Pillow.Transpose.ROTATE_270),
                                               (8, Pillow.Transpose.ROTATE_90), (2, Pillow.Transpose.FLIP_LEFT_RIGHT)])
def test_exif_turns_the_picture(orientation, turn):
    picture, exif = halves((40, 20)), Pillow.Exif()
    exif[0x112] = orientation
    turned = picture.transpose(turn)
    kind = Image(3, turned.height, turned.width)
    assert torch.equal(kind.read(saved(picture, exif=exif)), kind.read(saved(turned)))


def test_the_first_frame_of_an_animation_is_read():
    frames = [Pillow.new("RGB", (8, 8), RED), Pillow.new("RGB", (8, 8), BLUE)]
    raw = saved(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert near(colour(Image(3, 8, 8).read(raw), 4, 4), RED)


def test_bytes_after_the_end_do_no_harm():
    raw = saved(halves(), "JPEG")
    assert torch.equal(Image(3, 20, 40).read(raw + b"rubbish" * 50), Image(3, 20, 40).read(raw))


# pictures of another size

def test_stretch_crop_and_pad():
    raw = saved(halves((80, 40)))
    stretch, crop, pad = (Image(3, 40, 40, fit).read(raw) for fit in ("stretch", "crop", "pad-white"))
    for pixels in (stretch, crop):
        assert near(colour(pixels, 2, 2), RED) and near(colour(pixels, 38, 38), BLUE)
    assert colour(pad, 2, 20) == [255, 255, 255] and near(colour(pad, 20, 5), RED)
    tall = saved(halves((40, 80)))                          # cropping a tall one keeps its width, so both halves
    assert near(colour(Image(3, 40, 40, "crop").read(tall), 20, 2), RED)


@pytest.mark.parametrize("size", [(1, 1), (3000, 2), (2, 3000), (1, 500), (5, 4), (24, 16)])
@pytest.mark.parametrize("fit", FITS)
@pytest.mark.parametrize("colour, channels, wanted", [("rgb", 3, RED), ("grey", 1, None), ("hsv", 3, None)])
def test_odd_sizes(size, fit, colour, channels, wanted):
    pixels = Image(channels, 16, 24, fit, colour).read(saved(Pillow.new("RGB", size, RED)))
    assert pixels.shape == (channels, 16, 24) and pixels.is_contiguous()
    if wanted:
        assert near(pixels[:, 7, 11].tolist(), wanted) or near(pixels[:, 8, 12].tolist(), wanted)


def test_padding_keeps_the_shape_of_things_and_fills_the_rest():
    raw = saved(halves((80, 40)))
    white, edge, noise = (Image(3, 40, 40, fit).read(raw) for fit in ("pad-white", "pad-edge", "pad-noise"))
    for pixels in (white, edge, noise):                                     # 40 × 20 in the middle, alike in all
        assert torch.equal(pixels[:, 10:30], white[:, 10:30]) and near(pixels[:, 20, 5].tolist(), RED)
    assert (white[:, :10] == 255).all() and (white[:, 30:] == 255).all()
    assert torch.equal(edge[:, :10], edge[:, 10:11].expand(-1, 10, -1)) and torch.equal(edge[:, 30:], edge[:, 29:30].expand(-1, 10, -1))
    around = torch.cat([noise[:, :10], noise[:, 30:]], 1).float()
    assert 120 < around.mean() < 135 and 68 < around.std() < 80             # even over 0 … 255: mean 127.5, deviation 73.9


def test_noise_around_a_picture_is_the_same_whenever_it_is_read():
    kind, raw = Image(3, 32, 32, "pad-noise"), saved(halves((30, 10)))
    assert torch.equal(kind.read(raw), kind.read(raw))
    other = saved(halves((30, 10), left=(221, 30, 30)))
    assert not torch.equal(kind.read(raw)[:, :8], kind.read(other)[:, :8])


def test_the_shape_may_be_no_square():
    assert near(colour(Image(3, 48, 96).read(saved(halves())), 24, 90), BLUE)
    tall = Image(3, 96, 24, "pad-white").read(saved(halves((40, 80))))
    assert tall.shape == (3, 96, 24) and near(colour(tall, 48, 2), RED) and colour(tall, 2, 12) == [255] * 3


# colours

def test_hue_saturation_value():
    kind = Image(3, 20, 40, colour="hsv")
    hue, saturation, value = kind.read(saved(halves(left=(255, 0, 0), right=(0, 0, 255))))
    assert hue[10, 5] == 0 and abs(int(hue[10, 35]) - 170) <= 1             # red; blue: two thirds around
    assert (saturation == 255).all() and (value == 255).all()
    grey = kind.read(saved(Pillow.new("RGB", (40, 20), (77, 77, 77))))
    assert (grey[1] == 0).all() and (grey[2] == 77).all()


def test_hue_is_not_mixed_when_a_picture_is_made_small():
    """Hues 4 and 252 are both red: their mean would be cyan."""
    stripes = np.zeros((8, 8, 3), np.uint8)
    stripes[:, ::2], stripes[:, 1::2] = (255, 20, 0), (255, 0, 20)
    hue = Image(3, 2, 2, colour="hsv").read(saved(Pillow.fromarray(stripes)))[0].int()
    assert ((hue < 8) | (hue > 247)).all()


def test_hsv_is_shown_as_an_eye_sees_it():
    raw = saved(halves())
    plain, kind = Image(3, 20, 40).read(raw), Image(3, 20, 40, colour="hsv")
    assert (kind.seen(kind.read(raw)).int() - plain.int()).abs().max() <= 6         # 256 hues: 5 values apart where colours are strong
    assert torch.equal(Image(3, 20, 40).seen(plain), plain)
    assert kind.show(kind.read(raw)) == Image(3, 20, 40).show(plain)


def test_the_colour_follows_the_channels_unless_it_is_said():
    assert (Image(1, 8, 8).colour, Image(3, 8, 8).colour, Image(3, 8, 8, colour="hsv").colour) == ("grey", "rgb", "hsv")
    assert Image(1, 8, 8) == Image(1, 8, 8, colour="grey")


def test_cards_from_before_there_were_colours():
    old = {"kind": "Image", "channels": 3, "height": 8, "width": 9, "fit": "pad"}
    assert from_card(old) == Image(3, 8, 9, "pad-white", "rgb")


def test_a_large_jpeg_is_decoded_small_and_looks_the_same():
    grain = np.random.default_rng(0).normal(0, 12, (1200, 1600, 3))
    ramp = np.linspace(30, 220, 1600)[None, :, None] + grain
    raw = saved(Pillow.fromarray(ramp.clip(0, 255).astype(np.uint8)), "JPEG", quality=90)
    assert open_picture(raw).size == (1600, 1200)
    assert open_picture(raw, 128).size == (200, 150)
    quick = Image(3, 64, 64).read(raw).int()
    whole = np.asarray(open_picture(raw).resize((64, 64), Pillow.Resampling.BILINEAR)).transpose(2, 0, 1)
    assert (quick - torch.from_numpy(whole.copy()).int()).abs().max() <= 4


# pictures that are refused

def sentence(raw):
    with pytest.raises(Problem) as caught:
        Image(3, 16, 16).read(raw)
    return str(caught.value)


def test_an_empty_file():
    assert sentence(b"") == "the file is empty (0 bytes)"


def test_something_else_than_a_picture():
    assert "not a picture" in sentence(b"<!DOCTYPE html><p>404")
    assert "<!DOCTYP" in sentence(b"<!DOCTYPE html><p>404")


@pytest.mark.parametrize("form", ["PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF"])
@pytest.mark.parametrize("size", [20, 2000])
def test_a_picture_cut_in_half(form, size):
    noise = Pillow.fromarray(np.random.default_rng(0).integers(0, 256, (size, 20, 3), dtype=np.uint8))
    raw = saved(noise, form)
    assert any(word in sentence(raw[:len(raw) // 2]) for word in ("cut short", "not a picture"))


def test_a_bomb_is_refused_before_it_is_decoded():
    raw = saved(Pillow.new("1", (9000, 9000)))
    assert len(raw) < 20_000
    assert "9000×9000, more than 64 million pixels" in sentence(raw)


def test_damaged_bytes_never_give_anything_but_a_problem():
    dice = random.Random(0)
    forms = [saved(halves(), form) for form in ("PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF", "AVIF")]
    refused = 0
    for _ in range(700):
        raw = bytearray(dice.choice(forms))
        for _ in range(dice.randint(1, 6)):
            raw[dice.randrange(len(raw))] = dice.randrange(256)
        try:
            assert Image(3, 8, 8).read(bytes(raw)).shape == (3, 8, 8)
        except Problem:
            refused += 1
    assert refused > 100


@nasty
@pytest.mark.parametrize("name", ["cmyk.jpg", "gray16.png", "palette_alpha.png", "rgba_gradient.png", "gray_alpha.png",
                                  "one_bit.png", "png_named.jpg"])
def test_strange_but_whole_pictures_load(name):
    pixels = Image(3, 32, 32).read((DATA / "nasty/image-folder/ants" / name).read_bytes()).float()
    assert 20 < pixels.mean() < 235 and pixels.std() > 10


@nasty
@pytest.mark.parametrize("name", ["ants/truncated_half.jpg", "ants/truncated_half.png", "ants/zero_byte.jpg",
                                  "ants/text_named.png", "ants/html_named.jpg", "bees/bad_crc.png"])
def test_broken_pictures_are_named(name):
    assert sentence((DATA / "nasty/image-folder" / name).read_bytes())


@nasty
@pytest.mark.parametrize("name", ["bomb_20000x20000_1bit.png", "header_lies_60000x60000.png"])
def test_bombs_are_refused(name):
    assert "64 million pixels" in sentence((DATA / "nasty/image-bombs" / name).read_bytes())


@nasty
def test_turned_photographs_stand_upright_alike():
    folder, kind = DATA / "nasty/image-folder/bees", Image(3, 32, 32)
    pixels = [kind.read((folder / f"exif_orientation_{n}.jpg").read_bytes()).float() for n in (3, 6, 8)]
    upright = kind.read((folder / "ok_3.jpg").read_bytes()).float()
    assert all((picture - upright).abs().mean() < 12 for picture in pixels)


def test_check_refuses_another_shape():
    Image(3, 8, 8).check(torch.zeros(5, 3, 8, 8))
    with pytest.raises(Problem, match="the model wants"):
        Image(3, 8, 8).check(torch.zeros(1, 8, 8))


def test_show_draws_a_picture_in_characters():
    picture = torch.zeros(1, 4, 3, dtype=torch.uint8)
    picture[0, 0, 0], picture[0, 3, 1], picture[0, :2, 2] = 255, 255, 255
    assert Image(1, 4, 3).show(picture) == "▀ █\n ▄ "


# the other kinds

def test_labels():
    kind = Label(("고양이", "dog"))
    assert kind.read(" 고양이\n".encode()) == 0 and kind.show(1) == "dog" and kind.shape == (2,)
    kind.check(1)
    with pytest.raises(Problem, match="class number 2 is outside 0…1"):
        kind.check(2)
    with pytest.raises(Problem, match="no class cat; the classes are 고양이, dog"):
        kind.read(b"cat")


def test_numbers():
    assert Number().read(b" 1,395 ") == 1395 and number("-2.5e3") == -2500
    assert Number("price", "won").show(1234.5) == "1234 won" and Number().show(0.5) == "0.5"
    with pytest.raises(Problem, match="abc is not a number"):
        Number().read(b"abc")
    with pytest.raises(Problem, match="not a finite number"):
        Number().check(math.nan)


def test_vectors():
    assert Vector(3).read(b"1, 2;3").tolist() == [1, 2, 3]
    Vector(2).check(torch.zeros(9, 2))
    with pytest.raises(Problem, match="3 numbers were given, the model wants 2"):
        Vector(2).check(torch.zeros(3))


def test_rows():
    kind = Row(("age", "sex", "job"), (None, ("f", "m"), ("a, b", "c")))
    row = kind.read(b'31,m,"a, b"')
    assert row.tolist() == [31, 1, 0] and kind.show(row) == "age=31  sex=m  job=a, b"
    missing = kind.read(b"?,x,")
    assert missing.isnan().all() and kind.show(missing) == "age=?  sex=?  job=?"
    with pytest.raises(Problem, match="2 values were given, the model wants 3: age, sex, job"):
        kind.read(b"1,2")


@pytest.mark.parametrize("kind", [
    Image(3, 32, 48, "pad-noise", "hsv", 4095), Image(1, 8, 8), Label(("고양이", "dog")), Number("price", "won"), Vector(2, ("x", "y")), Vector(4),
    Row(("age", "job"), (None, ("a", "b"))), None])
def test_a_card_brings_the_kind_back(kind):
    back = from_card(json.loads(json.dumps(to_card(kind))))
    assert back == kind and type(back) is type(kind)
    if kind is not None:
        assert hash(back) == hash(kind)


def test_a_card_of_an_unknown_kind_is_refused():
    with pytest.raises(Problem, match="kind Sound"):
        from_card({"kind": "Sound"})
