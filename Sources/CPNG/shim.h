// libpng reports an error by longjmp, which must never cross a Swift frame: the whole encoding is one C call.
#pragma once
#include <png.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
  const char *key;
  const char *text;
} isotherm_png_text;

/// Writes 8-bit pixels (3 channels: RGB; 1 channel: palette indices, with `palette` of `palette_count` RGB triples).
/// Returns 0, or 1 with a message in `message` (at least 200 bytes).
static inline int isotherm_png_write(FILE *file, const unsigned char *pixels, int width, int height, int channels,
                                     const unsigned char *palette, int palette_count, int pixels_per_metre,
                                     const isotherm_png_text *texts, int text_count, int level, char *message) {
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
  png_infop info = png ? png_create_info_struct(png) : NULL;
  if (!info) {
    strcpy(message, "libpng is out of memory");
    if (png) png_destroy_write_struct(&png, NULL);
    return 1;
  }
  if (setjmp(png_jmpbuf(png))) {
    strcpy(message, "libpng could not write the image");
    png_destroy_write_struct(&png, &info);
    return 1;
  }
  png_init_io(png, file);
  png_set_compression_level(png, level);
  png_set_IHDR(png, info, width, height, 8, channels == 1 ? PNG_COLOR_TYPE_PALETTE : PNG_COLOR_TYPE_RGB,
               PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  png_color colors[256];
  for (int i = 0; i < palette_count && i < 256; i++) {
    colors[i].red = palette[3 * i];
    colors[i].green = palette[3 * i + 1];
    colors[i].blue = palette[3 * i + 2];
  }
  if (channels == 1) {
    png_set_PLTE(png, info, colors, palette_count);
    png_set_filter(png, 0, PNG_FILTER_NONE);
  } else {
    png_set_filter(png, 0, PNG_FILTER_SUB);
  }
  png_set_pHYs(png, info, pixels_per_metre, pixels_per_metre, PNG_RESOLUTION_METER);
  for (int i = 0; i < text_count; i++) {
    png_text text;
    memset(&text, 0, sizeof text);
    text.compression = PNG_ITXT_COMPRESSION_NONE;
    text.key = (png_charp)texts[i].key;
    text.text = (png_charp)texts[i].text;
    text.itxt_length = strlen(texts[i].text);
    int ascii = 1;
    for (const char *c = texts[i].text; *c; c++)
      if ((unsigned char)*c > 126) ascii = 0;
    if (ascii) {
      text.compression = PNG_TEXT_COMPRESSION_NONE;
      text.text_length = strlen(texts[i].text);
    }
    png_set_text(png, info, &text, 1);
  }
  png_write_info(png, info);
  for (int y = 0; y < height; y++) png_write_row(png, pixels + (size_t)y * width * channels);
  png_write_end(png, info);
  png_destroy_write_struct(&png, &info);
  return 0;
}
