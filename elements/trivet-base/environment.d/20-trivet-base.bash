# What dpkg shall never unpack. Copyright files stay: they are owed.
DIB_MMDEBSTRAP_EXTRA_ARGS="--aptopt='APT::Install-Recommends \"false\"'"
for trivet_path in man info doc-base groff lintian linda locale bug help gnome; do
    DIB_MMDEBSTRAP_EXTRA_ARGS+=" --dpkgopt='path-exclude=/usr/share/$trivet_path/*'"
done
DIB_MMDEBSTRAP_EXTRA_ARGS+=" --dpkgopt='path-exclude=/usr/share/doc/*'"
DIB_MMDEBSTRAP_EXTRA_ARGS+=" --dpkgopt='path-include=/usr/share/doc/*/copyright'"
DIB_MMDEBSTRAP_EXTRA_ARGS+=" --dpkgopt='path-include=/usr/share/locale/locale.alias'"
export DIB_MMDEBSTRAP_EXTRA_ARGS
unset trivet_path
