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

// libpng's own handlers print; the caller tells people what happened.
static inline void isotherm_png_on_error(png_structp png, png_const_charp words) {
  (void)words;
  png_longjmp(png, 1);
}
static inline void isotherm_png_on_warning(png_structp png, png_const_charp words) {
  (void)png;
  (void)words;
}

/// Texts that are not ASCII become iTXt.
static inline void isotherm_png_set_texts(png_structp png, png_infop info, const isotherm_png_text *texts, int text_count) {
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
}

/// Writes an image of 8 bits a channel (3 channels: RGB; 1 channel: palette indices, with `palette` of `palette_count` RGB
/// triples) whose filtered rows are deflated already, in zlib's format. Returns 0, or 1 with a message in `message` (at least 200 bytes).
static inline int isotherm_png_write(FILE *file, const unsigned char *deflated, size_t length, int width, int height, int channels,
                                     const unsigned char *palette, int palette_count, int pixels_per_metre,
                                     const isotherm_png_text *texts, int text_count, char *message) {
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, isotherm_png_on_error, isotherm_png_on_warning);
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
  png_set_IHDR(png, info, width, height, 8, channels == 1 ? PNG_COLOR_TYPE_PALETTE : PNG_COLOR_TYPE_RGB,
               PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  png_color colors[256];
  for (int i = 0; i < palette_count && i < 256; i++) {
    colors[i].red = palette[3 * i];
    colors[i].green = palette[3 * i + 1];
    colors[i].blue = palette[3 * i + 2];
  }
  if (channels == 1) png_set_PLTE(png, info, colors, palette_count);
  png_set_pHYs(png, info, pixels_per_metre, pixels_per_metre, PNG_RESOLUTION_METER);
  isotherm_png_set_texts(png, info, texts, text_count);
  png_write_info(png, info);
  png_write_chunk(png, (png_const_bytep) "IDAT", deflated, length);
  png_write_chunk(png, (png_const_bytep) "IEND", NULL, 0);
  png_destroy_write_struct(&png, &info);
  return 0;
}

/// Writes frames of equal size, 8-bit RGB, each deflated like the image of `isotherm_png_write`, as an animation that repeats for ever
/// (APNG); readers that do not know it show the first frame. Returns 0, or 1 with a message in `message`.
static inline int isotherm_png_write_frames(FILE *file, const unsigned char *const *deflated, const size_t *lengths, int frames, int width,
                                            int height, int pixels_per_metre, int milliseconds, const isotherm_png_text *texts,
                                            int text_count, char *message) {
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, isotherm_png_on_error, isotherm_png_on_warning);
  png_infop info = png ? png_create_info_struct(png) : NULL;
  unsigned char *volatile buffer = NULL;
  if (!info) {
    strcpy(message, "libpng is out of memory");
    if (png) png_destroy_write_struct(&png, NULL);
    return 1;
  }
  if (setjmp(png_jmpbuf(png))) {
    strcpy(message, "libpng could not write the image");
    free(buffer);
    png_destroy_write_struct(&png, &info);
    return 1;
  }
  png_init_io(png, file);
  png_set_IHDR(png, info, width, height, 8, PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
               PNG_FILTER_TYPE_DEFAULT);
  png_set_pHYs(png, info, pixels_per_metre, pixels_per_metre, PNG_RESOLUTION_METER);
  isotherm_png_set_texts(png, info, texts, text_count);
  png_write_info(png, info);
  unsigned char head[26];
  png_save_uint_32(head, frames);
  png_save_uint_32(head + 4, 0);
  png_write_chunk(png, (png_const_bytep) "acTL", head, 8);
  unsigned sequence = 0;
  for (int frame = 0; frame < frames; frame++) {
    memset(head, 0, sizeof head);
    png_save_uint_32(head, sequence++);
    png_save_uint_32(head + 4, width);
    png_save_uint_32(head + 8, height);
    png_save_uint_16(head + 20, milliseconds);
    png_save_uint_16(head + 22, 1000);
    png_write_chunk(png, (png_const_bytep) "fcTL", head, 26);
    if (frame == 0) {
      png_write_chunk(png, (png_const_bytep) "IDAT", deflated[0], lengths[0]);
      continue;
    }
    buffer = malloc(lengths[frame] + 4);
    if (!buffer) png_error(png, "memory");
    png_save_uint_32(buffer, sequence++);
    memcpy(buffer + 4, deflated[frame], lengths[frame]);
    png_write_chunk(png, (png_const_bytep) "fdAT", buffer, lengths[frame] + 4);
    free(buffer);
    buffer = NULL;
  }
  png_write_chunk(png, (png_const_bytep) "IEND", NULL, 0);
  png_destroy_write_struct(&png, &info);
  return 0;
}

/// What a text in an image is given to.
typedef void (*isotherm_png_text_visitor)(void *context, const char *key, const char *text);

/// Reads an image as 8-bit RGB into `*pixels`, which the caller frees, and shows each of its texts. Images wider or higher than
/// 30,000 pixels, and chunks of more than 16 MB, are refused. Returns 0, or 1 with a message in `message` (at least 200 bytes).
static inline int isotherm_png_read(FILE *file, unsigned char **pixels, int *width, int *height, void *context,
                                    isotherm_png_text_visitor visitor, char *message) {
  *pixels = NULL;
  unsigned char signature[8];
  if (fread(signature, 1, 8, file) != 8 || png_sig_cmp(signature, 0, 8)) {
    strcpy(message, "it is no PNG file");
    return 1;
  }
  png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, NULL, isotherm_png_on_error, isotherm_png_on_warning);
  png_infop info = png ? png_create_info_struct(png) : NULL;
  if (!info) {
    strcpy(message, "libpng is out of memory");
    if (png) png_destroy_read_struct(&png, NULL, NULL);
    return 1;
  }
  // Changed after setjmp and read after longjmp, so it must not live in a register.
  unsigned char *volatile buffer = NULL;
  if (setjmp(png_jmpbuf(png))) {
    strcpy(message, "it is damaged or cut short");
    free(buffer);
    png_destroy_read_struct(&png, &info, NULL);
    return 1;
  }
  png_init_io(png, file);
  png_set_sig_bytes(png, 8);
  png_set_user_limits(png, 30000, 30000);
  png_set_chunk_malloc_max(png, 16 << 20);
  png_read_info(png, info);
  png_set_expand(png);
  png_set_strip_16(png);
  png_set_strip_alpha(png);
  png_set_gray_to_rgb(png);
  int passes = png_set_interlace_handling(png);
  png_read_update_info(png, info);
  size_t columns = png_get_image_width(png, info), rows = png_get_image_height(png, info);
  if (png_get_rowbytes(png, info) != columns * 3) png_error(png, "not RGB");
  buffer = malloc(columns * rows * 3);
  if (!buffer) png_error(png, "memory");
  for (int pass = 0; pass < passes; pass++)
    for (size_t y = 0; y < rows; y++) png_read_row(png, buffer + y * columns * 3, NULL);
  png_read_end(png, info);
  png_textp texts = NULL;
  int count = 0;
  png_get_text(png, info, &texts, &count);
  for (int i = 0; i < count; i++)
    if (texts[i].key && texts[i].text) visitor(context, texts[i].key, texts[i].text);
  png_destroy_read_struct(&png, &info, NULL);
  *pixels = buffer;
  *width = (int)columns;
  *height = (int)rows;
  return 0;
}
