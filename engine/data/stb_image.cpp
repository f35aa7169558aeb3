// The one translation unit that holds stb_image's code, built without this project's warnings.
#include "engine/data/decoder_memory.h"

#define STB_IMAGE_IMPLEMENTATION
#define STBI_NO_STDIO
#define STBI_NO_LINEAR
#define STBI_NO_HDR
#define STBI_ONLY_JPEG
#define STBI_ONLY_PNG
#define STBI_ONLY_BMP
#define STBI_FAILURE_USERMSG
#define STBI_MALLOC(bytes) trady::decoder_allocate(bytes)
#define STBI_REALLOC(block, bytes) trady::decoder_reallocate(block, bytes)
#define STBI_FREE(block) trady::decoder_free(block)
#include <stb/stb_image.h>
