#!/usr/bin/env bash
# Draws the JPEGs in `jpeg/` again, in the kinds that no encoder in Rust writes.
# Needs cjpeg, djpeg and jpegtran of libjpeg-turbo 2.1 (Debian: libjpeg-turbo-progs).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Pieces of a sample: an even size, an odd one, and small ones.
piece() {
    jpegtran -copy none -crop "$1+160+160" ../../../../samples/balloons-orientation-6.jpg > "$work/piece.jpg"
    djpeg -ppm -outfile "$work/$2.ppm" "$work/piece.jpg"
}
piece 48x32 even
piece 37x21 odd
piece 1x1 dot
piece 9x8 nine

# NAME SOURCE OPTIONS: one file by cjpeg.
make() {
    local name=$1 source=$2
    shift 2
    cjpeg "$@" -outfile "jpeg/$name.jpg" "$work/$source.ppm"
}

# NAME SCRIPT SOURCE OPTIONS: one file whose scans are listed in SCRIPT.
scans() {
    local name=$1 script=$2 source=$3
    shift 3
    tr ';' '\n' <<< "$script" | sed '/^$/d; s/$/;/' > "$work/scans"
    make "$name" "$source" -scans "$work/scans" "$@"
}

mkdir -p jpeg
rm -f jpeg/*.jpg

# Sampling, luma first. The third gives chroma more samples than luma.
make sampling-411 odd -quality 80 -sample 4x1
make sampling-440 odd -quality 80 -sample 1x2
make sampling-410 odd -quality 80 -sample 4x2,1x1,1x1
make sampling-chroma-finer odd -quality 80 -sample 1x1,2x2,2x2
make sampling-uneven odd -quality 80 -sample 2x2,1x2,2x1
make sampling-thirds odd -quality 80 -sample 3x1,1x1,1x1
make sampling-444-as-222 odd -quality 80 -sample 2x1,2x1,2x1
make gray odd -quality 80 -grayscale
make gray-as-2x2 odd -quality 80 -grayscale -sample 2x2
make rgb odd -quality 80 -rgb
make rgb-subsampled odd -quality 80 -rgb -sample 2x2,1x1,1x1

# Sizes.
make dot dot -quality 80
make dot-gray dot -quality 80 -grayscale
make nine nine -quality 80

# Tables and qualities; without -baseline, quality 1 needs tables of 16 bits.
make optimised even -quality 80 -optimize
make quality-1-sixteen-bits even -quality 1
make quality-1 even -quality 1 -baseline
make quality-50 even -quality 50 -optimize
make quality-100 odd -quality 100 -sample 1x1
make tables-of-their-own even -quality 90,60 -optimize

# Restarts after a block and after a row.
make restart-1-block odd -quality 80 -restart 1B
make restart-3-blocks odd -quality 80 -restart 3B -optimize
make restart-rows odd -quality 80 -restart 1

# Sequential in more scans than one.
scans scans-each '0;1;2' odd -quality 80
scans scans-each-restart '0;1;2' odd -quality 80 -restart 2B
scans scans-luma-then-both '0;1,2' odd -quality 80
scans scans-chroma-first '2;1;0' odd -quality 80
scans scans-each-444 '0;1;2' odd -quality 80 -sample 1x1
scans scans-two-of-three '0,2;1' odd -quality 80 -sample 2x1

# Progressive: the usual script, one by one, bits only, spectrum only, and very fine steps.
make progressive even -quality 80 -progressive
make progressive-odd odd -quality 80 -progressive
make progressive-gray odd -quality 80 -progressive -grayscale
make progressive-rgb odd -quality 80 -progressive -rgb
make progressive-restart odd -quality 80 -progressive -restart 2B
make progressive-quality-50 even -quality 50 -progressive
make progressive-411 odd -quality 80 -progressive -sample 4x1
make progressive-dot dot -quality 80 -progressive
scans progressive-spectrum '0,1,2:0-0,0,0;0:1-5,0,0;1:1-63,0,0;2:1-63,0,0;0:6-63,0,0' even -quality 80
scans progressive-dc-alone '0,1,2:0-0,0,0' even -quality 80
scans progressive-dc-bits '0,1,2:0-0,0,3;0,1,2:0-0,3,2;0,1,2:0-0,2,1;0,1,2:0-0,1,0' even -quality 80
scans progressive-dc-each '0:0-0,0,1;1:0-0,0,0;2:0-0,0,1;0:0-0,1,0;2:0-0,1,0;0:1-63,0,0' odd -quality 80
scans progressive-ac-bits '0,1,2:0-0,0,0;0:1-63,0,3;0:1-63,3,2;1:1-63,0,2;0:1-63,2,1;2:1-63,0,1;1:1-63,2,1;0:1-63,1,0;1:1-63,1,0;2:1-63,1,0' even -quality 90
scans progressive-unfinished '0,1,2:0-0,0,1;0:1-63,0,2;0:1-63,2,1' even -quality 80

# Arithmetic coding.
make arithmetic even -quality 80 -arithmetic
make arithmetic-progressive even -quality 80 -arithmetic -progressive

echo "$(find jpeg -name '*.jpg' | wc -l) files, $(du -cb jpeg/*.jpg | tail -1 | cut -f1) bytes"
