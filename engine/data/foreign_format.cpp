#include "engine/data/foreign_format.h"

#include <array>
#include <string_view>

#include "engine/error.h"

namespace trady {
namespace {

using namespace std::string_view_literals;

struct Format {
  size_t at;  ///< in the file
  std::string_view bytes;
  const char* what;
};

constexpr std::array kFormats{
    Format{8, "WEBP"sv, "a WebP file"},
    Format{0, "GIF8"sv, "a GIF file"},
    Format{0, "II*\0"sv, "a TIFF file"},
    Format{0, "MM\0*"sv, "a TIFF file"},
    Format{0, "II+\0"sv, "a TIFF file"},  // of more than 4 GB
    Format{0, "MM\0+"sv, "a TIFF file"},
    Format{4, "ftypavi"sv, "an AVIF file"},
    Format{4, "ftyphei"sv, "a HEIC file"},
    Format{4, "ftyphev"sv, "a HEIC file"},
    Format{4, "ftypmif1"sv, "a HEIC file"},
    Format{4, "ftypmsf1"sv, "a HEIC file"},
    Format{4, "ftyp"sv, "a video"},
    Format{0, "\xFF\x0A"sv, "a JPEG XL file"},
    Format{4, "JXL \r\n"sv, "a JPEG XL file"},
    Format{4, "jP  \r\n"sv, "a JPEG 2000 file"},
    Format{0, "\xFF\x4F\xFF\x51"sv, "a JPEG 2000 file"},
    Format{0, "8BPS"sv, "a Photoshop file"},
    Format{0, "\0\0\1\0"sv, "an icon file"},
    Format{0, "%PDF"sv, "a PDF file"},
    Format{0, "P1"sv, "a text or bit PNM file"},
    Format{0, "P2"sv, "a text or bit PNM file"},
    Format{0, "P3"sv, "a text or bit PNM file"},
    Format{0, "P4"sv, "a text or bit PNM file"},
    Format{0, "P7"sv, "a PAM file"},
};

}  // namespace

void refuse_foreign_format(std::span<const uint8_t> file, const std::string& name) {
  const std::string_view text(reinterpret_cast<const char*>(file.data()), file.size());
  for (const Format& format : kFormats) {
    if (text.size() > format.at && text.substr(format.at).starts_with(format.bytes)) {
      fail(name, " is ", format.what, ", which cannot be decoded; convert it to JPEG or PNG");
    }
  }
  const size_t first = text.find_first_not_of(" \t\r\n");
  if (first != std::string_view::npos && text[first] == '<') {
    fail(name, " is a web page or an SVG file and cannot be decoded; download the picture again, ",
         "or convert it to JPEG or PNG");
  }
  fail(name, " cannot be decoded: its ", file.size(), " bytes are no picture of a known format ",
       "(JPEG, PNG, BMP and PNM are understood); replace or remove the file");
}

}  // namespace trady
