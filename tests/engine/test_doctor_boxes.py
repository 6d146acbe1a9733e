"""Boxes in the VOC and COCO forms: every fault is named with its file and place, and nothing that is right is blamed."""
import json
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from deepen.engine.check import check

DATA = Path(os.environ.get("DEEPEN_DATA", Path(__file__).parents[2] / "../shared/data"))


def picture(path, size=(100, 80)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.zeros((size[1], size[0], 3), np.uint8)).save(path)


def thing(box, name="ant"):
    sides = "".join(f"<{side}>{value}</{side}>" for side, value in zip(("xmin", "ymin", "xmax", "ymax"), box, strict=True))
    return f"<object><name>{name}</name><bndbox>{sides}</bndbox></object>"


def xml(root, name, *things, picture="a.jpg", size=(100, 80), head=""):
    path = root / "Annotations" / f"{name}.xml"
    path.parent.mkdir(parents=True, exist_ok=True)
    width = f"<size><width>{size[0]}</width><height>{size[1]}</height></size>" if size else ""
    path.write_text(f"{head}<annotation><filename>{picture}</filename>{width}{''.join(things)}</annotation>", encoding="utf-8")
    return path


@pytest.fixture
def voc(tmp_path):
    picture(tmp_path / "JPEGImages" / "a.jpg")
    xml(tmp_path, "a", thing((10, 10, 50, 40)), thing((5.5, 5.25, 99.9, 79), "bee"))
    return tmp_path


def causes(found, level=None):
    return {(finding.file, finding.place, finding.cause) for finding in found.findings if level in (None, finding.level)}


def one(found, part):
    return next(finding for finding in found.findings if part in finding.cause)


def test_good_boxes(voc):
    found = check(str(voc))
    assert found.findings == [] and found.may_train and found.source == "voc"
    assert found.summary["classes"] == {"ant": 1, "bee": 1} and found.summary["boxes"] == 2 and found.summary["pictures"] == 1
    assert found.summary["boxes_per_picture"] == {"fewest": 2, "median": 2, "most": 2}
    assert found.summary["box_side_counts"] == {"≤ 5%": 0, "≤ 10%": 0, "≤ 20%": 0, "≤ 40%": 1, "> 40%": 1}     # √(40·30/8000) = 0.387


@pytest.mark.parametrize("box, level, cause", [
    ((90, 10, 140, 40), "warning", "reaches beyond"), ((200, 10, 240, 40), "error", "outside the picture"), ((10, 10, 10, 40), "warning", "no area"),
    ((50, 40, 10, 10), "warning", "swapped"), ((10, "x", 50, 40), "error", "no four numbers"), ((10, "nan", 50, 40), "error", "no four numbers"),
    ((0, 0, 101, 81), None, "")])
def test_boxes_of_voc(voc, box, level, cause):
    xml(voc, "a", thing((10, 10, 50, 40)), thing(box))
    found = check(str(voc))
    if level is None:
        assert found.findings == []
        return
    finding = one(found, cause)
    assert (finding.level, finding.file) == (level, "Annotations/a.xml") and finding.place.startswith("object 2") and finding.mend
    assert found.may_train == (level == "warning")


def test_names_that_differ_in_capitals_or_are_empty(voc):
    xml(voc, "a", thing((10, 10, 50, 40)), thing((10, 10, 50, 40)), thing((10, 10, 50, 40), " Ant "), thing((1, 1, 9, 9), ""))
    found = check(str(voc))
    assert "“ant” (2), “ Ant ” (1)" in one(found, "capitals or blanks").cause
    assert one(found, "name is empty").place == "object 4" and not found.may_train and found.summary["boxes"] == 3


def test_pictures_that_are_not_there_or_elsewhere(voc):
    xml(voc, "b", thing((1, 1, 9, 9)), picture="nowhere.jpg")
    xml(voc, "c", thing((1, 1, 9, 9)), picture="../../../etc/passwd.jpg")
    xml(voc, "d", thing((1, 1, 9, 9)), picture="A.JPG")
    found = check(str(voc))
    assert one(found, "does not exist").file == "Annotations/b.xml" and one(found, "points out").file == "Annotations/c.xml"
    assert one(found, "other capitals").level == "warning" and one(found, "other capitals").file == "Annotations/d.xml"


def test_sizes_that_are_not_the_pictures(voc):
    xml(voc, "a", thing((10, 10, 500, 400)), size=(1000, 800))
    found = check(str(voc))
    assert "written 1000×800, the picture has 100×80" in one(found, "not that of the picture").place and len(found.findings) == 1
    xml(voc, "a", thing((10, 10, 50, 40)), size=(0, 0))
    assert one(check(str(voc)), "0×0").level == "warning"


def test_entities_are_never_read(voc, capsys):
    (voc / "Annotations" / "secret.txt").write_text("SECRET")
    head = '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x SYSTEM "secret.txt">]>'
    xml(voc, "x", thing((1, 1, 9, 9), "&x;"), head=head)
    grow = '<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa">' + "".join(f'<!ENTITY {b} "{"&" + a + ";" * 1}{f"&{a};" * 9}">' for a, b in zip("abcdefgh", "bcdefghi", strict=True)) + "]>"
    xml(voc, "y", thing((1, 1, 9, 9), "&i;"), head=grow)
    wide = xml(voc, "z", thing((1, 1, 9, 9), "&x;"), head=head.replace("1.0\"?", "1.0\" encoding=\"utf-16\"?"))
    wide.write_bytes(wide.read_text().encode("utf-16"))
    found = check(str(voc))
    assert {finding.file for finding in found.findings if "entities" in finding.cause} == {f"Annotations/{name}.xml" for name in "xyz"}
    assert "SECRET" not in json.dumps(found.plain()) and not found.may_train


def test_damaged_xml_and_korean_xml(voc):
    xml(voc, "b", thing((1, 1, 9, 9))).write_text("<annotation><filename>a.jpg</filename><object><name>a")
    (voc / "Annotations" / "c.xml").write_bytes(b"")
    (voc / "Annotations" / "k.xml").write_bytes(('<?xml version="1.0" encoding="EUC-KR"?><annotation><filename>a.jpg</filename>'
                                                 + thing((1, 1, 50, 50), "개미") + "</annotation>").encode("euc-kr"))
    found = check(str(voc))
    assert one(found, "cut off").file == "Annotations/b.xml" and one(found, "empty").file == "Annotations/c.xml"
    assert found.summary["classes"]["개미"] == 1
    assert check(str(voc), {"on_bad": "skip"}).may_train


def test_damaged_pictures_are_named(voc):
    (voc / "JPEGImages" / "b.jpg").write_bytes((voc / "JPEGImages" / "a.jpg").read_bytes()[:400])
    xml(voc, "b", thing((1, 1, 9, 9)), picture="b.jpg")
    found = check(str(voc))
    assert [finding.file for finding in found.findings if finding.level == "error"] == ["JPEGImages/b.jpg"]
    assert found.summary["readable"] == 1


def test_lists_of_pictures(voc):
    picture(voc / "JPEGImages" / "b.jpg")
    xml(voc, "b", thing((1, 1, 9, 9)), picture="b.jpg")
    (voc / "ImageSets" / "Main").mkdir(parents=True)
    (voc / "ImageSets" / "Main" / "train.txt").write_text("a\nb\ngone\n")
    (voc / "ImageSets" / "Main" / "test.txt").write_text("b\n")
    found = check(str(voc))
    assert one(found, "no XML file").place == "gone" and one(found, "in two lists").level == "warning"
    assert found.summary["splits"] == {"test": 1, "train": 3}


def test_pictures_without_boxes(voc):
    picture(voc / "JPEGImages" / "b.jpg")
    picture(voc / "JPEGImages" / "c.jpg")
    xml(voc, "b", picture="b.jpg")
    found = check(str(voc))
    assert found.may_train and {finding.level for finding in found.findings} == {"note"}
    assert "(b.jpg)" in one(found, "no box").cause and one(found, "no XML").file == "JPEGImages/c.jpg"


def coco(root, images, annotations, categories=((1, "ant"), (2, "bee"))):
    told = {"images": images, "annotations": annotations, "categories": [{"id": number, "name": name} for number, name in categories]}
    (root / "instances.json").write_text(json.dumps(told))
    return check(str(root))


def box(number, bbox, image=1, category=1):
    return {"id": number, "image_id": image, "category_id": category, "bbox": bbox}


def test_coco(tmp_path):
    picture(tmp_path / "train2017" / "a.jpg")
    image = {"id": 1, "file_name": "a.jpg", "width": 100, "height": 80}
    found = coco(tmp_path, [image], [box(1, [10, 10, 20, 30]), box(2, [0, 0, 100, 80], category=2)])
    assert found.findings == [] and found.summary["classes"] == {"ant": 1, "bee": 1} and found.what == "coco"
    found = coco(tmp_path, [image, {**image, "file_name": "b.jpg"}, {"id": 3, "file_name": "../../x.jpg"}, {"id": 4, "file_name": "gone.jpg"}],
                 [box(1, [10, 10, -5, 20]), box(1, [0, 0, 5, 5], image=99), box(2, [0, 0, 5, 5], category=42), box(3, [0, 0, 5]),
                  box(4, [0, 0, None, 5]), box(5, "no"), box(6, [0, 0, float("nan"), 5]), box(7, [1, 1, 0, 5]), box(8, None)],
                 ((1, "ant"), (1, "bee"), (3, "ant")))
    places = {(finding.level, finding.place.partition(" (")[0]) for finding in found.findings}
    assert {("error", "image 1, b.jpg"), ("error", "annotation 1, image_id 99"), ("error", "annotation 2, category_id 42"), ("error", "annotation 3"),
            ("error", "annotation 4"), ("error", "annotation 5"), ("error", "annotation 6"), ("error", "annotation 8"), ("warning", "annotation 7"),
            ("warning", "annotation 1"), ("error", "image 3 ../../x.jpg"), ("error", "image 4 gone.jpg"), ("error", "category 1"),
            ("error", "class ant")} <= places


@pytest.mark.parametrize("text, says", [('{"images": [{"id": 1, "file_name": "a.jpg"', "cut off"), ('{"images": 1, "annotations": 2}', "no lists"),
                                        ('{"images": ' + "[" * 90_000, "damaged"), ('{"images": [], "annotations": [], "categories": []}', "")])
def test_json_that_is_damaged(tmp_path, text, says):
    (tmp_path / "instances.json").write_text(text)
    found = check(str(tmp_path / "instances.json"))
    assert (not says) == found.may_train and (not says or says in found.findings[0].cause)


def real(folder):
    if not (DATA / folder).is_dir():
        pytest.skip(f"{DATA / folder} is not here")
    return check(str(DATA / folder))


def test_blood_cells():
    found = real("detection-bccd")
    assert {finding.file for finding in found.findings} == {"Annotations/BloodImage_00338.xml", "Annotations/BloodImage_00343.xml"}
    assert found.may_train and all("no area" in finding.cause for finding in found.findings)
    assert found.summary["classes"] == {"RBC": 4153, "WBC": 372, "Platelets": 361} and found.summary["splits"] == {"test": 72, "train": 205, "val": 87}


@pytest.mark.parametrize("folder, pictures, boxes", [("detection-pennfudan", 170, 423), ("detection-coco128", 256, 929 + 898 + 746 + 712)])
def test_sets_in_the_coco_form(folder, pictures, boxes):
    found = real(folder)
    assert found.may_train and {finding.level for finding in found.findings} <= {"note"}
    assert (found.summary["pictures"], found.summary["readable"], found.summary["boxes"]) == (pictures, pictures, boxes)


def test_nasty_voc():
    found = real("nasty/voc")
    told = {(finding.file.removeprefix("Annotations/"), finding.level) for finding in found.findings}
    assert {("box_outside.xml", "warning"), ("zero_area.xml", "warning"), ("swapped_corners.xml", "warning"), ("missing_image.xml", "error"),
            ("wrong_size.xml", "error"), ("size_zero.xml", "warning"), ("empty_name.xml", "error"), ("not_closed.xml", "error"),
            ("external_entity.xml", "error"), ("entity_expansion.xml", "error")} <= told
    assert not {"ok.xml", "euckr.xml", "float_coords.xml", "no_objects.xml"} & {file for file, _ in told}
    assert "개미" in found.summary["classes"] and "SECRET" not in json.dumps(found.plain())
