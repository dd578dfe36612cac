package dev.caisson.fs.overlay;

import static dev.caisson.abi.Errno.EINVAL;

import dev.caisson.abi.ErrnoException;
import java.util.ArrayList;
import java.util.List;

/**
 * Where a lower layer comes from.
 *
 * @param type name of the provider
 * @param source what it mounts
 */
record LayerSource(String type, String source) {
    /** Takes the value of {@code lowerdir} apart: colons separate, and a backslash keeps the character behind it. */
    static List<LayerSource> list(String text) throws ErrnoException {
        List<LayerSource> layers = new ArrayList<>();
        StringBuilder piece = new StringBuilder();
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c == '\\' && i + 1 < text.length()) {
                piece.append(text.charAt(++i));
            } else if (c == ':') {
                layers.add(of(piece.toString()));
                piece.setLength(0);
            } else {
                piece.append(c);
            }
        }
        layers.add(of(piece.toString()));
        return layers;
    }

    private static LayerSource of(String piece) throws ErrnoException {
        if (piece.startsWith("/")) {
            return new LayerSource("hostdir", piece);
        }
        int colon = piece.indexOf(':');
        if (colon <= 0 || colon + 1 == piece.length()) {
            throw EINVAL.explained("overlay: a layer is /DIRECTORY or TYPE:SOURCE");
        }
        return new LayerSource(piece.substring(0, colon), piece.substring(colon + 1));
    }

    /** {@return as in {@code lowerdir}} */
    String escaped() {
        return escape(type.equals("hostdir") ? source : type + ":" + source);
    }

    /** Characters that separate options and layers are kept by a backslash. */
    static String escape(String text) {
        return text.replace("\\", "\\\\").replace(":", "\\:").replace(",", "\\,");
    }
}
