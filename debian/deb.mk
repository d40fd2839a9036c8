# make deb: packages of what the tree holds, in $(BUILD)/deb, for GPUs too
# where nvcc is found.  They are built in a copy.
deb_debs = debhelper dpkg-dev
deb_tree = $(BUILD)/deb/nfpipe-$(VERSION)
deb:		## build Debian packages, in build/deb
	@sh pipelines/deps.sh $(DEBS) $(deb_debs)
	rm -rf $(BUILD)/deb
	mkdir -p $(deb_tree)
	tar -cf - --exclude=./build --exclude='./build-*' --exclude=./.git \
	    --exclude=./demo . | tar -xf - -C $(deb_tree)
	cd $(deb_tree) && env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL -u BUILD \
	    CC="$(CC)" dpkg-buildpackage -b -us -uc \
	    $(if $(NVCC),-P"pkg.nfpipe.cuda")
	rm -rf $(deb_tree)
	@ls $(BUILD)/deb/*.deb
.PHONY: deb
