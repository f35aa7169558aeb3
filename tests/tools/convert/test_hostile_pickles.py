"""Pickles that tools/convert_checkpoint.py must refuse: they would run code, or make no sense."""

import unittest
import zipfile

from converter_test import DEEP_TUPLE, Raw, global_opcode, pickled
from torch_writer import ORDERED_DICT, TorchFileTest, TorchWriter


class HostilePickles(TorchFileTest):
    # What would run code

    def test_code_is_named_and_not_run(self):
        marker = self.folder / "ran"
        call = global_opcode("posix", "system") + pickled((f"touch {marker}",)) + b"R"
        self.assert_value_refused(lambda _: {"state_dict": Raw(call)}, "'posix.system'", "not run")
        self.assertFalse(marker.exists())

    def test_a_whole_model_says_how_to_save_its_parameters(self):
        model = Raw(global_opcode("torchvision.models.resnet", "ResNet") + b")\x81")
        self.assert_value_refused(
            lambda _: model,
            "'torchvision.models.resnet.ResNet'",
            "torch.save(model.state_dict(), NEW_FILE)",
        )

    def test_globals_that_resemble_the_allowed_ones(self):
        for module, name in (
            ("torch", "load"),
            ("torch.storage", "_load_from_bytes"),
            ("torch._utils", "_rebuild_qtensor"),
            ("torch._utils", "_rebuild_tensor.__globals__"),
            ("torch", "FloatStorage.from_file"),
            ("collections", "OrderedDict.fromkeys"),
            ("numpy.core.multiarray", "_reconstruct"),
        ):
            value = Raw(global_opcode(module, name))
            self.assert_value_refused(lambda _, v=value: v, f"'{module}.{name}'")

    def test_calls_with_arguments_that_make_no_sense(self):
        def call(name, arguments, module="torch._utils"):
            return Raw(global_opcode(module, name) + pickled(arguments) + b"R")

        hooks = Raw(ORDERED_DICT + b")R")
        for value, part in (
            (call("_rebuild_tensor", ()), "wrong arguments"),
            (call("_rebuild_tensor", (1, 0, (1,), (1,))), "without a storage"),
            (call("_rebuild_parameter", (5, True, hooks)), "parameter that is no tensor"),
            (call("FloatStorage", (), "torch"), "may only be an argument"),
            (call("OrderedDict", ([["a"]],), "collections"), "else than pairs"),
            (call("OrderedDict", ([[None, 1]],), "collections"), "neither a text nor a number"),
            (call("OrderedDict", ([["a", 1], ["a", 2]],), "collections"), "'a' twice"),
            (call("OrderedDict", (5,), "collections"), "wrong arguments"),
            (Raw(hooks.opcodes + pickled(5) + b"b"), "attributes are no dictionary"),
            (Raw(b"}" + pickled({}) + b"b"), "not a Buildable"),
        ):
            self.assert_value_refused(lambda _, v=value: v, part)

    def test_nesting_beyond_measure(self):
        self.assert_value_refused(lambda _: DEEP_TUPLE, "no dictionary of tensors")
        self.assert_value_refused(lambda _: {"a": DEEP_TUPLE}, "'a' beside tensors")
        self.assert_value_refused(lambda _: Raw(DEEP_TUPLE.opcodes + b"Q"), "not a storage")
        self.assert_value_refused(
            lambda w: w.view(w.reference(w.storage("Float", [1.0])), 0, (DEEP_TUPLE,), (1,)),
            "not a size",
        )
        key = Raw(b"}" + DEEP_TUPLE.opcodes + b"Ns")
        self.assert_value_refused(lambda _: key, "neither a text nor a number")
        self.assert_value_refused(
            lambda _: Raw(b"}q\x00" + pickled("model") + b"h\x00s"), "'model'"
        )

    def test_protocols_that_torch_save_does_not_write_by_itself(self):
        for protocol in (0, 3, 4, 5):
            with zipfile.ZipFile(self.source, "w") as archive:
                archive.writestr("net/data.pkl", b"\x80" + bytes([protocol]) + b"}.")
                archive.writestr("net/data/0", b"")
            self.assert_refused(f"protocol {protocol}, expected 2")

    # Tensors that are not in their storages

    def test_views_beyond_their_storage(self):
        for offset, shape, strides in (
            (0, (5,), (1,)),
            (1, (4,), (1,)),
            (5, (), ()),
            (0, (2, 2), (3, 1)),
            (0, (2, 1), (4, 1)),
            (0, (1000, 1000), (0, 0)),
            (0, (1 << 39, 1 << 39), (0, 0)),
        ):
            self.assert_value_refused(
                lambda w, view=(offset, shape, strides): {
                    "a": w.view(w.reference(w.storage("Float", [0.0] * 4)), *view)
                },
                f"shape {list(shape)}",
                "storage of 4 elements, which is too small",
            )

    def test_views_that_are_not_of_sizes(self):
        for offset, shape, strides in (
            (-1, (1,), (1,)),
            (0, (-1,), (1,)),
            (0, (2,), (-1,)),
            (0, (1 << 80,), (1,)),
            (0, (True,), (1,)),
            (0, (1.0,), (1,)),
            (None, (1,), (1,)),
            (0, (1, 1), (1,)),
            (0, (1,) * 9, (1,) * 9),
        ):
            self.assert_value_refused(
                lambda w, view=(offset, shape, strides): w.view(
                    w.reference(w.storage("Float", [0.0] * 4)), *view
                ),
                "has a tensor w",
            )

    def test_references_that_are_not_to_storages(self):
        for index, value, part in (
            (0, "module", "not a storage"),
            (1, "torch.FloatStorage", "type is not understood"),
            (1, Raw(ORDERED_DICT), "type is not understood"),
            (2, 7, "key or size"),
            (4, -4, "key or size"),
            (4, 4.0, "key or size"),
        ):
            self.assert_value_refused(
                lambda w, change=(index, value): w.reference(w.storage("Float", [0.0] * 4), change),
                part,
            )
        self.assert_value_refused(lambda _: Raw(pickled("storage") + b"Q"), "not a tuple")
        self.assert_value_refused(lambda _: Raw(pickled(("storage",)) + b"Q"), "not a storage")

    def test_a_storage_that_is_a_view_of_another(self):
        writer = TorchWriter(legacy=True)
        key = writer.storage("Float", [0.0] * 4)
        writer.write(self.source, writer.reference(key, (5, ("1", 0, 4))))
        self.assert_refused("'0' that is a view of another one")

    def test_a_storage_described_in_two_ways(self):
        self.assert_value_refused(
            lambda w: [
                w.reference(w.storage("Float", [0.0] * 4)),
                w.reference("0", (1, Raw(global_opcode("torch", "IntStorage")))),
            ],
            "'0' as 4 I32 and as 4 F32",
        )

    def test_values_that_wait_to_be_negated(self):
        writer = TorchWriter()
        reference = writer.reference(writer.storage("Float", [0.0]))
        arguments = (reference, 0, (), (), False, Raw(ORDERED_DICT + b")R"), {"neg": True})
        call = global_opcode("torch._utils", "_rebuild_tensor_v2") + pickled(arguments) + b"R"
        writer.write(self.source, Raw(call))
        self.assert_refused("negated lazily")


if __name__ == "__main__":
    unittest.main()
