# Directories that a node keeps on the server, beside the releases.  Sourced by prepare-node; POSIX sh.
# shellcheck shell=sh
#
# A directory's state begins with what the tree has in its place, and takes up what a new release brings.  What belongs to
# the packages of a release is mounted over it, from the release that runs: release.list and seeds.list, which the element
# nfsbooted made of the tree (its list-state), say what is what.

LISTS=/usr/lib/nfsbooted
TREE=$RUN/tree

# see_tree: the tree without what is mounted in it, at $TREE.
see_tree() {
    [ ! -d "$TREE" ] || return 0
    busybox mkdir "$TREE" && busybox mount -o bind / "$TREE"
}

# mount_place KIND: what nodes share, or this node's own, at $RUN/KIND.
mount_place() {
    [ ! -d "$RUN/$1" ] || return 0
    case $1 in
        node) name=$(cat "$RUN/hostname") && place=nodes/$name || return ;;
        persistent) place=all ;;
    esac
    source=$(value STATE "$CONF")/$place
    busybox mkdir "$RUN/$1"
    if ! mount -o "$(value STATE_OPTIONS "$CONF")" "$source" "$RUN/$1"; then
        busybox rmdir "$RUN/$1"
        echo "is $source there, and exported? The bundle's install.sh makes it"
        return 1
    fi
}

# is_begun DIRECTORY: whether a node is making it, or lost its power meanwhile.  A new directory has no permissions, but perhaps
# its parent's set-group-ID bit, until everything is in it.
is_begun() {
    case $(busybox stat -c %a "$1" 2> /dev/null) in 0 | 2000) ;; *) return 1 ;; esac
}

# plan DIRECTORY PLACE RECORD: what of the tree's DIRECTORY is missing in PLACE, a path a line.  RECORD is the list by which
# PLACE was filled before: a file that nobody changed since then takes the new release's form, and stands in $RUN/changed,
# too; one that was removed stays away.  A directory that is not on RECORD is named although it is there: a node may have
# begun it and lost its power.
plan() {
    [ -e "$3" ] && before=$3 || before=/dev/null
    awk -v prefix="${1#/}" '
        { kind = $1; digest = $2; path = substr($0, length($1) + length($2) + 3) }
        FILENAME == before { old[path] = digest; next }
        { was = path in old ? old[path] : "none" }
        path == prefix { print kind, digest, was, "." }
        index(path, prefix "/") == 1 { print kind, digest, was, "./" substr(path, length(prefix) + 2) }
        ' before="$before" "$before" "$LISTS/seeds.list" |
        while read -r kind new old path; do
            at=$2/$path
            case $kind in
                d | m) [ "$old" != none ] && [ -e "$at" ] || echo "$path" ;;
                p) [ -e "$at" ] || echo "$path" ;;
                l) [ -e "$at" ] || [ -h "$at" ] || echo "$path" ;;
                s) [ -d "${at%/*}" ] && ! is_begun "${at%/*}" || echo "$path" ;;
                f)
                    if [ ! -e "$at" ]; then
                        [ "$old" != none ] && [ -d "${at%/*}" ] || echo "$path"
                    elif [ "$old" != none ] && [ "$old" != "$new" ]; then
                        now=$(busybox sha256sum < "$at")
                        [ "${now%% *}" != "$old" ] || { echo "$path" && echo "$path" >> "$RUN/changed"; }
                    fi
                    ;;
            esac
        done
}

# stage DIRECTORY STAGE: copy the paths on standard input from the tree's DIRECTORY into the new directory STAGE, with owners
# and modes.  Paths that the tree lacks are passed over.  Directories that are not among the paths, but above them, get no
# permissions.
stage() (
    umask 777
    busybox rm -f "$RUN/half" && busybox mkdir "$2" || exit
    while read -r path; do
        [ ! -e "$TREE$1/$path" ] && [ ! -h "$TREE$1/$path" ] || echo "$path"
    done | {
        tar --directory="$TREE$1" --create --no-recursion --verbatim-files-from --files-from=- || : > "$RUN/half"
    } | tar --directory="$2" --extract --preserve-permissions --same-owner --numeric-owner || exit
    [ ! -e "$RUN/half" ]
)

# merge FROM TO: move into TO the files and directories of FROM that TO lacks.  Nothing that is there is replaced, so that
# several nodes may merge into one directory at once, or use it, or lose their power at any moment.
merge() (
    from=$1 to=$2 made=yes
    # mkdir(2), since rename(2) replaces an empty directory: a node that uses it would see none any more (ESTALE).
    why=$( (umask 777 && busybox mkdir "$to") 2>&1) || made=no
    [ -d "$to" ] || { echo "$why"; exit 1; }
    set --
    for path in "$from"/* "$from"/.[!.]* "$from"/..?*; do
        if [ -d "$path" ] && [ ! -h "$path" ]; then
            merge "$path" "$to/${path##*/}" || exit
        elif [ -e "$path" ] || [ -h "$path" ]; then
            set -- "$@" "$path"
        fi
    done
    # link(2) leaves alone what is there, and needs a file system whose files can have two names.
    if [ "$#" -gt 0 ] && ! busybox ln "$@" "$to" 2> /dev/null; then
        for path; do
            at=$to/${path##*/}
            [ -e "$at" ] || [ -h "$at" ] || busybox mv -n "$path" "$at" || exit
        done
    fi
    { [ "$made" = yes ] || is_begun "$to"; } && ! is_begun "$from" || exit 0
    busybox chown "$(busybox stat -c %u:%g "$from")" "$to" && touch -r "$from" "$to" &&
        busybox chmod "$(busybox stat -c %a "$from")" "$to"  # last: from now on the directory is complete
)

# fill DIRECTORY KIND PLACE RECORD: bring PLACE up to this release.  Several nodes may do so at once, if KIND is persistent.
fill() {
    place=$3 record=$4
    read -r name < "$RUN/hostname" && mine=$record.$name || return
    [ ! -d "$mine.new" ] || busybox rm -rf "$mine.new" || return  # this node lost its power while it did so
    [ -d "$place" ] || busybox rm -f "$record"
    ! cmp -s "$LISTS/seeds.list" "$record" || return 0
    busybox mkdir -p "${place%/*}" "${record%/*}" || return
    see_tree || return
    : > "$RUN/changed"
    plan "$1" "$place" "$record" > "$RUN/plan" || return
    # A directory that is none of the lists' begins with all that the tree has there.
    if [ ! -e "$record" ] && ! grep -q "^d - ${1#/}\$" "$LISTS/seeds.list"; then
        (cd "$TREE$1" && find . | while read -r path; do
            if [ -d "$path" ] && [ ! -h "$path" ]; then
                echo "$path"
            else
                [ -e "$place/$path" ] || [ -h "$place/$path" ] || echo "$path"
            fi
        done) > "$RUN/plan" || return
    fi
    stage "$1" "$mine.new" < "$RUN/plan" || return
    while read -r path; do
        [ ! -e "$mine.new/$path" ] || busybox mv -f -T "$mine.new/$path" "$place/$path" || return
    done < "$RUN/changed"
    if [ "$2" = node ] && [ ! -d "$place" ]; then  # no other node uses it
        busybox mv -f -T "$mine.new" "$place"
    else
        merge "$mine.new" "$place" && busybox rm -rf "$mine.new"
    fi && busybox cp "$LISTS/seeds.list" "$mine" && busybox mv "$mine" "$record"
}

# mount_state DIRECTORY KIND
mount_state() {
    mount_place "$2" || return
    place=$RUN/$2$1
    record=$RUN/$2/.nfsbooted/$(echo "${1#/}" | busybox tr / +)
    fill "$1" "$2" "$place" "$record" || return
    : >> "$record" || return  # which fails where nothing can be written
    busybox mount -o bind "$place" "$1" || return
    [ "$2:$1" != node:/var ] || : > "$RUN/own-var"
}

# mount_release DIRECTORY: over it, what belongs to the packages of this release.
mount_release() {
    while read -r path; do
        case /$path in
            "$1"/*) see_tree && busybox mount -o bind "$TREE/$path" "/$path" || return ;;
        esac
    done < "$LISTS/release.list"
}

# leave_places: what is mounted stays so where it is seen, and nothing below /run.
leave_places() {
    for place in "$TREE" "$RUN/node" "$RUN/persistent"; do
        [ ! -d "$place" ] || { busybox umount "$place" && busybox rmdir "$place"; } || return
    done
}
